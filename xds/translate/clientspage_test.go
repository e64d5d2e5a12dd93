package translate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/internal/golden"
)

const clientsPage = "../../docs/clients-address.md"

// TestClientsPage: the tables of the page are the cases that a proxy is tried with.
func TestClientsPage(t *testing.T) {
	golden.Page(t, clientsPage, "forwarded", forwardedTable())
	golden.Page(t, clientsPage, "proxy protocol", proxyTable())
}

// peers names the addresses of the tests.
var peers = strings.NewReplacer(stranger, "the peer's", balancer, "the proxy's")

func forwardedTable() string {
	var out strings.Builder
	out.WriteString("| trusted | connection of | the request says | address of the client | scheme | `X-Forwarded-Host` and the like |\n")
	out.WriteString("|---|---|---|---|---|---|\n")
	for _, f := range forwardedCases {
		from, kept := "a stranger", "removed"
		if f.from == balancer {
			from = "the proxy"
		}
		if f.kept {
			kept = "kept"
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | `%s` | %s |\n", f.door, from, quoted(f.headers), peers.Replace(f.client), f.proto, kept)
	}
	return out.String()
}

func proxyTable() string {
	var out strings.Builder
	out.WriteString("| `proxyProtocol` | the connection begins with | the request says | address of the client | scheme |\n")
	out.WriteString("|---|---|---|---|---|\n")
	for _, p := range proxyCases() {
		if p.client == "" {
			fmt.Fprintf(&out, "| %s | %s | | refused | |\n", p.door, p.name)
			continue
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | `%s` |\n", p.door, p.name, quoted(p.headers), peers.Replace(p.client), p.proto)
	}
	return out.String()
}

func quoted(headers []string) string {
	out := make([]string, len(headers))
	for i, header := range headers {
		out[i] = "`" + header + "`"
	}
	return strings.Join(out, "<br>")
}
