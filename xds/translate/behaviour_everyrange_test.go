package translate_test

import (
	"strconv"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
)

// TestEveryAddressIsTrusted: ranges of all addresses trust every peer. Envoy takes a filter chain with such a range and one without
// ranges for the same, and connections get either, by chance in each listener: so there are several.
func TestEveryAddressIsTrusted(t *testing.T) {
	t.Parallel()
	c := newClients(t)
	backend := c.service("backend")
	const doors = 12
	for i := range doors {
		c.door(strconv.Itoa(i), ir.Client{TrustedCIDRs: []string{"0.0.0.0/0", "::/0"}}, ir.NoProxyProtocol, backend)
	}
	c.apply()
	for i := range doors {
		out, err := c.send(strconv.Itoa(i), stranger, asking("/", "X-Forwarded-For: 203.0.113.9, 127.0.0.2", "X-Forwarded-Proto: https"))
		if err != nil {
			t.Fatal(err)
		}
		if got := out.Headers.Get("X-Forwarded-Proto"); got != "https" {
			t.Errorf("door %d: scheme %q", i, got)
		}
	}
}
