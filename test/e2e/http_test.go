package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// oneShot follows no redirect and keeps no connection, so that each answer is the Gateway's and
// of this moment.
var oneShot = &http.Client{
	Timeout:       20 * time.Second,
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends one request to the address of a Gateway. Headers are pairs of name and value.
func ask(address, host, path, body string, headers ...string) (answer, error) {
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	request, err := http.NewRequest(method, "http://"+urlHost(address)+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Host = host
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := oneShot.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(text)}, err
}

// urlHost is an address as it stands in a URL: those of IPv6 are in brackets.
func urlHost(address string) string {
	if ip, err := netip.ParseAddr(address); err == nil && ip.Is6() {
		return "[" + address + "]"
	}
	return address
}

// probe waits until a GET gets 200.
func probe(t testing.TB, address, host, path string) {
	t.Helper()
	becomes(t, address, host, path, http.StatusOK)
}

// becomes waits until a GET gets a status.
func becomes(t testing.TB, address, host, path string, status int) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, func() error {
		got, err := ask(address, host, path, "")
		if err != nil {
			return err
		}
		if got.status != status {
			return fmt.Errorf("%s%s: %d, want %d: %.200s", host, path, got.status, status, got.body)
		}
		return nil
	})
}

// deployment is the Deployment whose pod answered, from the echo backend's body.
func deployment(t testing.TB, body string) string {
	t.Helper()
	var echoed struct {
		Pod string `json:"pod"`
	}
	if err := json.Unmarshal([]byte(body), &echoed); err != nil {
		t.Fatalf("%v: %.200s", err, body)
	}
	parts := strings.Split(echoed.Pod, "-")
	return strings.Join(parts[:max(0, len(parts)-2)], "-")
}
