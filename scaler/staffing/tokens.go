package staffing

const (
	// firstBytesPerInput, firstBytesPerOutput, firstOutput and firstPrompt are used until
	// traffic says better: bytes per token of a prompt and of an answer, tokens of an answer,
	// bytes of a prompt.
	firstBytesPerInput, firstBytesPerOutput = 4, 200
	firstOutput                             = 200
	firstPrompt                             = 4000
	// lately is over how many requests means are taken. What a token is in bytes changes less
	// than the requests do: it is taken over more of them (long), so that a change of the
	// requests is not taken for one of the token until their answers come.
	lately, long = 200, 2000
	// enough is which part of the requests must have usage for their mean answer to be that of
	// all. Below it, bytes say more.
	enough = 0.01
)

// tokens is what requests and bytes are in tokens, from the last requests and answers.
//
// Answers with usage stand for those without it: a request whose client did not ask for usage,
// or that was aborted, has the mean of the others. So bytes per token are a ratio of two means,
// of bytes per request and of tokens per answer. Bytes that come are those of requests that
// ended, not of those that arrived: while load grows, requests are ahead of their answers.
type tokens struct {
	prompt ratio // bytes sent by requests
	answer ratio // bytes received by requests that ended
	usage  ratio // answers with usage by requests that ended
	output ratio // tokens of answers by answers with usage
	cached ratio // tokens of prompts that the model had by all of them

	inputSize, outputSize ratio // bytes by tokens
}

// take adds what was counted.
func (t *tokens) take(c *counted) {
	t.prompt.add(c.sent, c.requests, c.requests, lately)
	ended := max(c.ended, c.answers)
	t.answer.add(c.received, c.ended, ended, lately)
	t.usage.add(c.answers, c.ended, ended, lately)
	if c.answers == 0 {
		return
	}
	t.output.add(c.out, c.answers, c.answers, lately)
	if c.in > 0 {
		t.cached.add(c.cached, c.in, c.answers, lately)
		t.inputSize.add(t.prompt.or(0)*c.answers, c.in, c.answers, long)
	}
	if c.out > 0 {
		t.outputSize.add(t.answer.or(0)*c.answers, c.out, c.answers, long)
	}
}

// bytesPerInput and bytesPerOutput return what a token is in bytes.
func (t *tokens) bytesPerInput() float64 {
	return between(minBytesPerToken, t.inputSize.or(firstBytesPerInput), maxBytesPerToken)
}

func (t *tokens) bytesPerOutput() float64 {
	return between(minBytesPerToken, t.outputSize.or(firstBytesPerOutput), maxBytesPerToken)
}

// cachedShare returns the part of the prompts' tokens that the model had.
func (t *tokens) cachedShare() float64 {
	if t.cached.below == 0 {
		return 0
	}
	return between(0, t.cached.above/t.cached.below, 1)
}

// meanOutput returns the tokens of an answer.
func (t *tokens) meanOutput() float64 {
	if t.output.below > 0 && t.usage.above >= enough*t.usage.below {
		return between(0, t.output.above/t.output.below, maxTokens)
	}
	return between(0, t.answer.or(firstOutput*t.bytesPerOutput())/t.bytesPerOutput(), maxTokens)
}

// work returns the weighted tokens of some requests and of the bytes of their prompts.
func (t *tokens) work(s *Settings, requests, bytes float64) float64 {
	computed := 1 - (1-s.CachedWeight)*t.cachedShare()
	return bytes/t.bytesPerInput()*computed + requests*t.meanOutput()*s.OutputWeight
}
