package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"f2b-go/internal/server"
)

func runVersion(args []string) int {
	if len(args) > 0 {
		fmt.Fprintln(os.Stderr, "Usage: f2b-go version")
		return exitBadUse
	}
	version, revision := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				revision = " (" + s.Value[:12] + ")"
			}
		}
	}
	fmt.Printf("f2b-go %s%s, compatible with fail2ban %s\n", version, revision, server.Reported)
	return exitDone
}
