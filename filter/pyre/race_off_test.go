//go:build !race

package pyre

// raceEnabled says that times mean nothing.
const raceEnabled = false
