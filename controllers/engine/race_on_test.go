//go:build race

package engine

// slowdown is how much slower code runs with the race detector.
const slowdown = 10
