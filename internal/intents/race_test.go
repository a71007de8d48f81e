//go:build race

package intents

// raceEnabled thins out the largest tables of tests: with the detector each row takes many times as long.
const raceEnabled = true
