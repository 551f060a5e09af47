// Containerfile reads a container recipe on standard input by BuildKit's own parser, and prints what it does as JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

type command struct {
	Name   string   `json:"name"`
	Words  string   `json:"words"`
	From   string   `json:"from,omitempty"`
	Paths  []string `json:"paths,omitempty"`
	Target string   `json:"target,omitempty"`
	Exec   []string `json:"exec,omitempty"`
	User   string   `json:"user,omitempty"`
}

type stage struct {
	Name     string    `json:"name"`
	Base     string    `json:"base"`
	Commands []command `json:"commands"`
}

func main() {
	result, err := parser.Parse(os.Stdin)
	if err != nil {
		fail(err)
	}
	for _, warning := range result.Warnings {
		fail(fmt.Errorf("warning: %s", warning.Short))
	}
	found, _, err := instructions.Parse(result.AST, nil)
	if err != nil {
		fail(err)
	}
	stages := []stage{}
	for _, one := range found {
		next := stage{Name: one.Name, Base: one.BaseName, Commands: []command{}}
		for _, each := range one.Commands {
			as := command{Name: each.Name(), Words: fmt.Sprint(each)}
			switch typed := each.(type) {
			case *instructions.CopyCommand:
				as.From, as.Paths, as.Target = typed.From, typed.SourcePaths, typed.DestPath
			case *instructions.AddCommand:
				as.Paths, as.Target = typed.SourcePaths, typed.DestPath
			case *instructions.EntrypointCommand:
				as.Exec = typed.CmdLine
			case *instructions.UserCommand:
				as.User = typed.User
			}
			next.Commands = append(next.Commands, as)
		}
		stages = append(stages, next)
	}
	if err := json.NewEncoder(os.Stdout).Encode(stages); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
