package ir

// FirstTokenBounds are the upper bounds of the classes that times to the first token of a streamed answer are counted in, in
// milliseconds. Slower answers are one class more. A bound is at most half as much again as the one before it from 100 ms on, so
// that what is read between two is off by a sixth at most.
var FirstTokenBounds = [...]float64{
	10, 25, 50, 75, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1000, 1250, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 8000, 10_000,
	15_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000, 300_000, 600_000,
}

// FirstTokenClasses is how many classes there are.
const FirstTokenClasses = len(FirstTokenBounds) + 1
