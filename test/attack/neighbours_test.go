package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

const (
	victimHost = "victim.test"
	// patience is how long a client of the victim waits for an answer. Backends, clients and attackers share the processors
	// of a test with the proxy.
	patience = 15 * time.Second
	// pace of a client of the victim: often enough to be hurt by anything, and no load of its own.
	pace = 5 * time.Millisecond
)

// neighbours are the victim's clients, on the same port as the attacker. Each has a connection that it keeps.
type neighbours struct {
	address string
	stop    context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	requests int
	slowest  time.Duration
	hurt     []string
}

// startNeighbours starts clients of HTTP/1.1 and HTTP/2 that go on until the test ends.
func startNeighbours(t *testing.T, address string) *neighbours {
	t.Helper()
	n := &neighbours{address: address}
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	for _, protocol := range []int{1, 2} {
		client, done := clientOf(protocol)
		n.running.Go(func() {
			defer done()
			ticker := time.NewTicker(pace)
			defer ticker.Stop()
			for i := 0; ; i++ {
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
					n.ask(client, fmt.Sprintf("/h%d-%d", protocol, i))
				}
			}
		})
	}
	t.Cleanup(n.end)
	return n
}

func clientOf(protocol int) (client *http.Client, done func()) {
	transport := &http.Transport{Protocols: &http.Protocols{}}
	transport.Protocols.SetHTTP1(protocol == 1)
	transport.Protocols.SetUnencryptedHTTP2(protocol == 2)
	return &http.Client{Transport: transport, Timeout: patience}, transport.CloseIdleConnections
}

// again asks on a connection of its own, as a client that comes now.
func (n *neighbours) again(path string) {
	client, done := clientOf(1)
	defer done()
	n.ask(client, path)
}

// ask sends a request and takes down every outcome but its answer.
func (n *neighbours) ask(client *http.Client, path string) {
	began := time.Now()
	err := n.answered(client, path)
	took := time.Since(began)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests++
	n.slowest = max(n.slowest, took)
	if err != nil {
		n.hurt = append(n.hurt, fmt.Sprintf("%s: %v", path, err))
	}
}

func (n *neighbours) answered(client *http.Client, path string) error {
	request, err := http.NewRequest(http.MethodGet, "http://"+n.address+path, nil)
	if err != nil {
		return err
	}
	request.Host = victimHost
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var got echoed
	if err := json.Unmarshal(text, &got); err != nil || got.Backend != "victim" || got.Path != path || response.StatusCode != http.StatusOK {
		return fmt.Errorf("%d from %q about %q: %.200s", response.StatusCode, got.Backend, got.Path, text)
	}
	return nil
}

// complaints returns what went wrong since the last call.
func (n *neighbours) complaints() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	hurt := n.hurt
	n.hurt = nil
	return hurt
}

func (n *neighbours) end() {
	n.stop()
	n.running.Wait()
}

// dial connects to the proxy as an attacker.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(2 * patience)) // a busy machine reads a flood slowly
	return connection
}
