package standby

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// TestSlices: a Pod is an endpoint that kube-proxy uses when there is no ready one, at KEDA's port alone, and
// its slices go with it.
func TestSlices(t *testing.T) {
	service := types.NamespacedName{Namespace: "kedify-system", Name: "kedify-gateway"}
	const v4 = `addressType: IPv4
apiVersion: discovery.k8s.io/v1
endpoints:
- addresses:
  - 10.0.0.7
  conditions:
    ready: false
    serving: true
    terminating: true
  nodeName: node-a
  targetRef:
    kind: Pod
    name: kedify-gateway-wiring-x
    namespace: kedify-system
    uid: uid-x
kind: EndpointSlice
metadata:
  labels:
    endpointslice.kubernetes.io/managed-by: kedify-gateway-standby
    kubernetes.io/service-name: kedify-gateway
  name: kedify-gateway-wiring-x
  namespace: kedify-system
  ownerReferences:
  - apiVersion: v1
    kind: Pod
    name: kedify-gateway-wiring-x
    uid: uid-x
ports:
- name: grpc-keda
  port: 9090
  protocol: TCP
`
	v6 := strings.NewReplacer("IPv4", "IPv6", "10.0.0.7", "fd00::7", "  name: kedify-gateway-wiring-x\n  namespace",
		"  name: kedify-gateway-wiring-x-ipv6\n  namespace").Replace(v4)
	for name, c := range map[string]struct {
		ips  []string
		want string
	}{
		"IPv4":          {[]string{"10.0.0.7"}, v4},
		"two families":  {[]string{"fd00::7", "10.0.0.7"}, v4 + "---\n" + v6},
		"IPv6":          {[]string{"fd00::7"}, v6},
		"IPv4 in IPv6":  {[]string{"::ffff:10.0.0.7"}, v4},
		"no address":    {[]string{"", "x"}, ""},
		"more than one": {[]string{"10.0.0.7", "10.0.0.8"}, v4},
	} {
		t.Run(name, func(t *testing.T) {
			var texts []string
			for _, slice := range Slices(service, Pod{Name: "kedify-gateway-wiring-x", Node: "node-a", UID: "uid-x", IPs: c.ips}, 9090) {
				text, err := yaml.Marshal(slice)
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, string(text))
			}
			if got := strings.Join(texts, "---\n"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}
