package staffing

// Need is the work that a model is asked for. Value, Level, Reserve and Backlog are weighted
// tokens per second; Value is the sum of the others.
type Need struct {
	Value float64
	// Level is the mean over the window. Reserve is for bursts: the deviation of the past, times
	// what the trigger asks for. Backlog is what waits, done within the horizon.
	Level, Reserve, Backlog float64
	// Input and Output are tokens per second, without weights, of the requests in the window:
	// all of their prompts, and what their answers are expected to have.
	Input, Output float64
	// MeanOutput is the tokens of an answer. CachedShare is the part of the prompts that the
	// model had in its cache, 0 to 1.
	MeanOutput, CachedShare float64
	// Usage: an answer has said its tokens. Before, tokens are guessed from bytes, and CachedShare is not known.
	Usage bool
	// BytesPerInput and BytesPerOutput are what a token is in bytes, with its part of headers
	// and framing.
	BytesPerInput, BytesPerOutput float64
}
