//go:build !race

package engine

// slowdown is how much slower code runs without the race detector.
const slowdown = 1
