package attack

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// pick is what the attacker's own picker says about a request to the attacker's pool.
type pick struct {
	name      string
	endpoints func(*site) string
}

// picks lead nowhere but to Pods of the picker's own pool.
var picks = []pick{
	{"a Pod of the victim's pool", func(s *site) string { return s.victimPod.address }},
	{"a backend of the victim", func(s *site) string { return s.victim.address }},
	{"the victim's Pod behind mine", func(s *site) string { return s.victimPod.address + "," + s.myPod.address }},
	{"the proxy itself", func(s *site) string { return s.address }},
	{"the probe of the proxy", func(s *site) string { return fmt.Sprintf("127.0.0.1:%d", s.proxy.Ready) }},
	{"the picker of the victim", func(s *site) string { return s.victimPicker.Address }},
	{"metadata of a cloud", func(*site) string { return "169.254.169.254:80" }},
	{"a name", func(*site) string { return "localhost:80" }},
	{"a socket", func(*site) string { return "/run/kedify/admin.sock" }},
	{"an address of IPv6", func(s *site) string { return "[::ffff:127.0.0.1]:" + portOf(s.victim.address) }},
	{"lines", func(s *site) string { return s.myPod.address + "\r\nHost: victim.test" }},
	{"very many", func(s *site) string { return strings.TrimSuffix(strings.Repeat(s.victimPod.address+",", 5000), ",") }},
}

// testPicks: a picker is the tenant's own program, and chooses among the tenant's own Pods.
func (s *site) testPicks(t *testing.T) {
	defer s.myPicker.Pick(s.myPod.address)
	for _, p := range picks {
		t.Run(p.name, func(t *testing.T) {
			mark := markOf("pick " + p.name)
			s.myPicker.Pick(p.endpoints(s))
			row := raw{bytes: "POST /{mark} HTTP/1.1\r\nHost: model.mine.test\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"}
			for _, r := range row.send(t, dial(t, s.address), mark) {
				if r.status < 500 && r.Backend != "my-pod" {
					t.Errorf("answered %+v", r)
				}
			}
			s.judge(t, mark)
		})
	}
}

// wishes are headers by which a client of a pool might choose for itself.
var wishes = []string{
	"x-gateway-destination-endpoint: {pod}", "x-gateway-destination-endpoint-subset: {pod}", "x-gateway-destination-endpoint-served: {pod}",
	"x-envoy-original-dst-host: {pod}", "x-picker: forged", "x-prefiller-host-port: {pod}", "x-data-parallel-host-port: {pod}",
	"test-epp-endpoint-selection: {pod}",
}

// testWishes: a pool is reached by what its picker says, and by nothing that a client says. The victim's Pod sees the
// words of its picker alone.
func (s *site) testWishes(t *testing.T) {
	for _, wish := range wishes {
		name, _, _ := strings.Cut(wish, ":")
		t.Run(name, func(t *testing.T) {
			header := strings.ReplaceAll(wish, "{pod}", s.myPod.address)
			for _, host := range []string{"model.victim.test", "MODEL.victim.test."} {
				row := raw{bytes: "POST /wish HTTP/1.1\r\nHost: " + host + "\r\n" + header + "\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"}
				replies := row.send(t, dial(t, s.address), "")
				if len(replies) != 1 || replies[0].status != http.StatusOK || replies[0].Backend != "victim-pod" {
					t.Fatalf("%s: answers %+v", host, replies)
				}
				got := replies[0].Headers
				if asked := got["X-Picker"]; len(asked) != 1 || asked[0] != "victim" {
					t.Errorf("%s: the Pod was told that %q chose it", host, asked)
				}
				passes := name == "test-epp-endpoint-selection" // of clients, for pickers
				if value := got.Get(name); value == s.myPod.address && !passes {
					t.Errorf("%s: the Pod sees %s: %s", host, name, value)
				}
			}
			if s.neighbours.again("/after"); s.mine.saw("/wish") || s.myPod.saw("/wish") {
				t.Error("the request went elsewhere")
			}
		})
	}
	t.Run("websocket around the picker", func(t *testing.T) {
		mark := markOf("websocket around the picker")
		row := raw{bytes: "GET /{mark} HTTP/1.1\r\nHost: model.victim.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"}
		s.judgeReplies(t, refused, mark, row.send(t, dial(t, s.address), mark), nil)
		s.judge(t, mark)
	})
}
