//go:build race

package jail

// raceEnabled tells tests of speed that the race detector slows them.
func raceEnabled() bool { return true }
