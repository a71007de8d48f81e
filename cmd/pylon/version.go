package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker: -ldflags "-X main.version=1.2.3".
var version string

type versionCommand struct{}

// Run prints one line: the version, the commit if it is known, and what built it.
func (*versionCommand) Run(p process) error {
	_, err := fmt.Fprintln(p.stdout, versionLine(version, buildInfo()))
	return err
}

func buildInfo() *debug.BuildInfo {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return new(debug.BuildInfo)
	}
	return info
}

func versionLine(linked string, info *debug.BuildInfo) string {
	name := linked
	if name == "" {
		name = info.Main.Version
	}
	if name == "" {
		name = "(devel)"
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	line := "pylon " + name
	if commit := settings["vcs.revision"]; commit != "" {
		line += " commit " + commit[:min(len(commit), 12)]
		if settings["vcs.modified"] == "true" {
			line += " with changes"
		}
	}
	return line + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}
