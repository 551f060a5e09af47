// Package slogor stands in for the logger of lego 5, whose own cannot be had: how lines look is nothing that tests ask for.
package slogor

import (
	"io"
	"log/slog"
)

// OptionFn changes how lines are written.
type OptionFn func(*slog.HandlerOptions)

// SetLevel drops what lies below.
func SetLevel(level slog.Leveler) OptionFn {
	return func(options *slog.HandlerOptions) { options.Level = level }
}

// SetTimeFormat is heard and not followed.
func SetTimeFormat(string) OptionFn { return func(*slog.HandlerOptions) {} }

// DisableColor is what lines are without anyway.
func DisableColor() OptionFn { return func(*slog.HandlerOptions) {} }

// NewHandler writes lines of text.
func NewHandler(writer io.Writer, options ...OptionFn) slog.Handler {
	var all slog.HandlerOptions
	for _, option := range options {
		option(&all)
	}
	return slog.NewTextHandler(writer, &all)
}
