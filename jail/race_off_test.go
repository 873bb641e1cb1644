//go:build !race

package jail

func raceEnabled() bool { return false }
