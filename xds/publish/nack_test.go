package publish

import (
	"strings"
	"testing"
)

// Texts of Envoy 1.40 (marked) and of versions before protobuf marked its text format.
const (
	markedDump = `goo.gle/debugonly  
stat_prefix: "a"
route_config {
  name: "r"
  virtual_hosts {
    name: "other-tenant"
    domains: "secret.example.com"
    routes {
      match {
        prefix: "/\"} x: {"
      }
      route {
        cluster: ''
        timeout {
          seconds: -3
          nanos: 1.5e9
        }
        token: [REDACTED]
        type: STRICT_DNS
        1: 0x0a
      }
    }
  }
}
http_filters {
  typed_config {
    [type.googleapis.com/envoy.extensions.filters.http.router.v3.Router] {
    }
  }
}
`
	constraint = "Proto constraint validation failed (RouteActionValidationError.Cluster: value length must be at least 1 characters)"
)

func TestRejectionReason(t *testing.T) {
	unmarked := strings.TrimPrefix(markedDump, "goo.gle/debugonly  \n")
	short := strings.Join(strings.Fields(unmarked), " ")
	for _, one := range []struct{ detail, want string }{
		{"", "Envoy gave no reason"},
		{markedDump, "Envoy gave no reason"},
		{"missing ]: [", "missing ]: ["},
		{"Error adding/updating listener(s) tcp/80: no filter chain\n", "Error adding/updating listener(s) tcp/80: no filter chain"},
		{"Didn't find a registered implementation for 'x' with type URL: 'y'",
			"Didn't find a registered implementation for 'x' with type URL: 'y'"},
		{"cluster c: code: 13", "cluster c: code: 13"},
		{markedDump + ": " + constraint, constraint},
		{strings.ReplaceAll(markedDump, "debugonly", "debugproto") + ": " + constraint, constraint},
		{"Error adding/updating listener(s) l: " + markedDump + ": " + constraint + "\n", "Error adding/updating listener(s) l: " + constraint},
		{"Invalid duration: Expected positive duration: goo.gle/debugstr    \nseconds: -1\n", "Invalid duration: Expected positive duration"},
		{"Field 'name' is missing in: " + markedDump, "Field 'name' is missing in"},
		{"Unable to unpack as X: goo.gle/debugstr " + short, "Unable to unpack as X"},
		{"goo.gle/debugstr " + short + " : " + constraint, constraint},
		{markedDump + ": a: " + markedDump + ": " + constraint, "a: " + constraint},
		{constraint + ": " + unmarked, constraint},
		{"Field 'name' is missing in: " + unmarked, "Field 'name' is missing in"},
		{"a: goo.gle/debugstr <secret> [1, 2]\nmore secret", "a"},
		{"a: goo.gle/debugstr <secret> [1, 2]\nmore secret\n: " + constraint, "a: " + constraint},
	} {
		if got := rejectionReason(one.detail); got != one.want {
			t.Errorf("%q\ngives %q\nwant  %q", one.detail, got, one.want)
		}
	}
}
