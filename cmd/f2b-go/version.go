package main

import (
	"fmt"
	"runtime/debug"

	"f2b-go/internal/server"
)

func runVersion([]string) int {
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
