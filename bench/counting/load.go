package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// load is what clients send to one proxy, and the truth about it.
type load struct {
	proxy  string
	client *http.Client

	mu     sync.Mutex
	sent   map[int][]time.Time // by key
	failed map[int]int         // answers other than 200, and none
	wait   sync.WaitGroup
}

func newLoad(port uint32) *load {
	proxy := net.JoinHostPort("127.0.0.1", fmt.Sprint(port))
	return &load{
		proxy: proxy, sent: map[int][]time.Time{}, failed: map[int]int{},
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 256}},
	}
}

// pattern says whether requests are sent at a time since the begin.
type pattern func(since time.Duration) bool

func always(time.Duration) bool { return true }

// everyOtherSecond is on in the first second.
func everyOtherSecond(since time.Duration) bool { return since/time.Second%2 == 0 }

// constant sends requests for a key at even intervals (open loop: answers are not waited for)
// until the context ends.
func (l *load) constant(ctx context.Context, key, perSecond int, on pattern) {
	l.wait.Go(func() {
		begun, pause := time.Now(), time.Second/time.Duration(perSecond)
		for n := time.Duration(0); ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Until(begun.Add(n * pause))):
			}
			if on(n * pause) {
				l.wait.Go(func() { l.once(context.WithoutCancel(ctx), key, "/") })
			}
		}
	})
}

// once sends one request and reads its answer to the end.
func (l *load) once(ctx context.Context, key int, path string) {
	l.mu.Lock()
	l.sent[key] = append(l.sent[key], time.Now())
	l.mu.Unlock()
	if err := l.exchange(ctx, key, path); err != nil {
		l.mu.Lock()
		l.failed[key]++
		l.mu.Unlock()
	}
}

func (l *load) exchange(ctx context.Context, key int, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.proxy+path, nil)
	if err != nil {
		return err
	}
	request.Host = host(key)
	response, err := l.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", request.Host, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// rest waits until every request is answered.
func (l *load) rest() { l.wait.Wait() }

// total is how many requests were sent for a key, and how many of them not answered 200.
func (l *load) total(key int) (sent, failed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent[key]), l.failed[key]
}

// between is how many requests were sent for a key from one moment to another.
func (l *load) between(key int, from, to time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(l.sent[key], t, time.Time.Compare)
		return i
	}
	return at(to) - at(from)
}
