package backend

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

func BenchmarkEndpoints(b *testing.B) {
	for _, pods := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("pods=%d", pods), func(b *testing.B) {
			var endpoints []string
			for i := range pods {
				endpoints = append(endpoints, fmt.Sprintf("{addresses: [10.0.%d.%d]}", i/250, i%250+1))
			}
			v := fixture.Store(b, fixture.WebService, fixture.EndpointSlice("a", "IPv4", "{name: plain, port: 8080}",
				strings.Join(endpoints, ", "))).View(nil)
			for b.Loop() {
				if e := Endpoints(v, fixture.WebCluster(80)); len(e.Addresses) != pods {
					b.Fatal(len(e.Addresses))
				}
			}
		})
	}
}
