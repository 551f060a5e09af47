//go:build tools

// Package tools pins what scripts/servers.mjs builds here.
package tools

import (
	_ "github.com/go-acme/lego/v5"
)
