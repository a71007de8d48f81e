package main

import (
	"cmp"
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

// buildVersion is the version alone.
func buildVersion() string { return versionName(version, buildInfo()) }

func versionName(linked string, info *debug.BuildInfo) string {
	return cmp.Or(linked, info.Main.Version, "(devel)")
}

func versionLine(linked string, info *debug.BuildInfo) string {
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	line := "pylon " + versionName(linked, info)
	if commit := settings["vcs.revision"]; commit != "" {
		line += " commit " + commit[:min(len(commit), 12)]
		if settings["vcs.modified"] == "true" {
			line += " with changes"
		}
	}
	return line + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}
