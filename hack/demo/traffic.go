package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// traffic is what the second act asks of the application.
type traffic struct {
	ctx     context.Context
	address string
	client  *http.Client
	cancel  context.CancelFunc

	mu             sync.Mutex
	sent, answered int
	wrong          error
	first          string
}

func newTraffic(ctx context.Context, address string) *traffic {
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	return &traffic{ctx: ctx, address: address, client: &http.Client{Transport: transport, Timeout: time.Minute}, cancel: func() {}}
}

// one sends the first request, again while the data plane is still taking up the route.
func (t *traffic) one() {
	go func() {
		begun := time.Now()
		for deadline := begun.Add(patience); ; time.Sleep(time.Second) {
			got := t.get()
			if got.err == nil && got.code == http.StatusNotFound && time.Now().Before(deadline) {
				t.forget()
				begun = time.Now()
				continue
			}
			t.note(got)
			t.mu.Lock()
			defer t.mu.Unlock()
			t.first = fmt.Sprintf("the first request: %d after %s, X-KEDA-HTTP-Cold-Start: %s",
				got.code, time.Since(begun).Round(10*time.Millisecond), got.cold)
			return
		}
	}()
}

// start sends requests at a steady rate until stop.
func (t *traffic) start() {
	ctx, cancel := context.WithCancel(t.ctx)
	t.cancel = cancel
	go func() {
		ticker := time.NewTicker(time.Second / shopRate)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				go func() { t.note(t.get()) }()
			}
		}
	}()
}

func (t *traffic) stop() { t.cancel() }

// answer is what the demo looks at of a response.
type answer struct {
	code int
	cold string // header X-KEDA-HTTP-Cold-Start
	err  error
}

// get sends a request and reads the answer to its end.
func (t *traffic) get() answer {
	t.mu.Lock()
	t.sent++
	t.mu.Unlock()
	request, err := http.NewRequestWithContext(t.ctx, http.MethodGet, "http://"+t.address+"/", nil)
	if err != nil {
		return answer{err: err}
	}
	request.Host = shopHost
	response, err := t.client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return answer{code: response.StatusCode, cold: response.Header.Get("X-KEDA-HTTP-Cold-Start"), err: err}
}

// forget takes back a request that came before its route.
func (t *traffic) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent--
}

func (t *traffic) note(got answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered++
	if got.err == nil && got.code != http.StatusOK {
		got.err = errors.New(http.StatusText(got.code))
	}
	if t.wrong == nil {
		t.wrong = got.err
	}
}

// counts returns how many requests were sent and how many of them were answered.
func (t *traffic) counts() (sent, answered int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent, t.answered
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
	return fmt.Sprintf("%s\n   %d requests in all, %s", t.first, t.answered, outcome)
}
