package hold

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/kedify/inference-gateway/xds/translate"
)

// TestX6SpaceOfARequest: what a request may cost follows from the size that it says, and from what its rule keeps; one that
// says none may be of any size.
func TestX6SpaceOfARequest(t *testing.T) {
	const retries = 16 << 20
	for name, c := range map[string]struct {
		length string
		end    bool
		buffer int
		want   int
	}{
		"no body":                  {"", true, translate.HeldBuffer, plainCost},
		"no body, with retries":    {"", true, retries, plainCost},
		"1 KiB":                    {"1024", false, retries, plainCost + 1024},
		"8 MiB":                    {"8388608", false, translate.HeldBuffer, plainCost + translate.HeldBuffer + behindCost},
		"8 MiB, with retries":      {"8388608", false, retries, plainCost + 8<<20},
		"1 TiB, with retries":      {"1099511627776", false, retries, plainCost + retries + behindCost},
		"chunked":                  {"", false, translate.HeldBuffer, plainCost + translate.HeldBuffer + behindCost},
		"chunked, with retries":    {"", false, retries, plainCost + retries + behindCost},
		"no number":                {"eight", false, translate.HeldBuffer, plainCost + translate.HeldBuffer + behindCost},
		"less than none":           {"-1", false, translate.HeldBuffer, plainCost + translate.HeldBuffer + behindCost},
		"more than a number holds": {"99999999999999999999", false, retries, plainCost + retries + behindCost},
	} {
		headers := &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "content-length", RawValue: []byte(c.length)}}}
		asked := &call{subject: subject{buffer: c.buffer}, raw: &extprocv3.HttpHeaders{Headers: headers, EndOfStream: c.end}}
		if got := asked.space(); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
}
