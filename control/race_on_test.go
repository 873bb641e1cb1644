//go:build race

package control_test

// raceDetector says that everything takes many times as long.
const raceDetector = true
