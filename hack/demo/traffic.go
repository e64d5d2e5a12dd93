package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// traffic is what the second act asks of the model.
type traffic struct {
	ctx     context.Context
	address string
	client  *http.Client
	cancel  context.CancelFunc

	mu                      sync.Mutex
	sent, answered, arrived int // arrived tokens
	wrong                   error
	first                   string
}

func newTraffic(ctx context.Context, address string) *traffic {
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	return &traffic{ctx: ctx, address: address, client: &http.Client{Transport: transport, Timeout: time.Minute}, cancel: func() {}}
}

// one sends the first chat.
func (t *traffic) one() {
	go func() {
		got := t.ask()
		t.mu.Lock()
		t.first = fmt.Sprintf("the first chat: its first token after %s, from Pod %s, X-KEDA-HTTP-Cold-Start: %s",
			got.waited.Round(10*time.Millisecond), got.pod, got.cold)
		t.mu.Unlock()
		t.note(got)
	}()
}

// start sends chats at a steady rate until stop.
func (t *traffic) start() {
	ctx, cancel := context.WithCancel(t.ctx)
	t.cancel = cancel
	go func() {
		ticker := time.NewTicker(time.Second / chatRate)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				go func() { t.note(t.ask()) }()
			}
		}
	}()
}

func (t *traffic) stop() { t.cancel() }

// answer is what the demo looks at of a response.
type answer struct {
	waited    time.Duration // for the first token
	pod, cold string        // headers x-inference-pod and X-KEDA-HTTP-Cold-Start
	err       error
}

// ask sends a chat and reads the answer to its end.
func (t *traffic) ask() (got answer) {
	t.mu.Lock()
	t.sent++
	t.mu.Unlock()
	request, err := chat(t.ctx, t.address, fmt.Sprintf(`{"model": "llama-3.1-8b", "stream": true, "max_tokens": %d, "ignore_eos": true,
		"stream_options": {"include_usage": true}, "messages": [{"role": "user", "content": "How many replicas are you?"}]}`, chatTokens))
	if err != nil {
		return answer{err: err}
	}
	begun := time.Now()
	response, err := t.client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	got = answer{pod: response.Header.Get("x-inference-pod"), cold: response.Header.Get("X-KEDA-HTTP-Cold-Start")}
	if response.StatusCode != http.StatusOK {
		got.err = fmt.Errorf("the answer is %s", response.Status)
		return got
	}
	got.err = readTokens(response.Body, func(string) {
		if got.waited == 0 {
			got.waited = time.Since(begun)
		}
		t.mu.Lock()
		t.arrived++
		t.mu.Unlock()
	})
	return got
}

func (t *traffic) note(got answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered++
	if t.wrong == nil {
		t.wrong = got.err
	}
}

// counts returns how many chats were sent and how many of them were answered.
func (t *traffic) counts() (sent, answered int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent, t.answered
}

// tokens is how many have arrived.
func (t *traffic) tokens() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.arrived
}

// failed is the first answer that was not as it should be.
func (t *traffic) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wrong
}

func (t *traffic) summary() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	outcome := "none failed"
	if t.wrong != nil {
		outcome = "the first failure: " + t.wrong.Error()
	}
	return fmt.Sprintf("%s\n   %d chats in all with %d tokens, %s", t.first, t.answered, t.arrived, outcome)
}
