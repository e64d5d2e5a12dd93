package staffing

import "github.com/kedify/inference-gateway/scaler/demand/instant"

// Seen is what was counted between two reports, of one proxy or of several together. Spans of
// several proxies overlap and come in any order. A time without Seen had no requests.
type Seen struct {
	// From and At are the span: after From, up to At.
	From, At instant.Time
	// Requests arrived in the span, first attempts only. Ended are those that ended in it,
	// whenever they had arrived and whatever ended them.
	Requests, Ended uint64
	// BytesSent went to the model and BytesReceived came from it, with headers.
	BytesSent, BytesReceived uint64
	// Answers are those among Ended whose `usage` was seen. The tokens are theirs alone:
	// TokensIn of prompts, of which TokensCached were in the cache of the model, and TokensOut.
	Answers, TokensIn, TokensOut, TokensCached uint64
}

// Held is the work that waits for the model now, and which no Seen has yet.
type Held struct {
	Requests uint64
	// Sized are those among Requests that say how long their bodies are: Bytes together.
	Sized, Bytes uint64
}
