package class

import (
	"errors"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/ir"
)

// xff is spec.client with fields of xForwardedFor.
func xff(fields string) string { return "{clientIPDetection: {xForwardedFor: {" + fields + "}}}" }

// TestClientParameters: what is served is served as it stands, and everything else is refused by the name of its field.
func TestClientParameters(t *testing.T) {
	hops := func(n uint32) ir.Client { return ir.Client{TrustedHops: n} }
	for text, want := range map[string]ir.Client{
		"{}": {},
		"{clientIPDetection: {directSourceIP: {}}}":                        {},
		xff("numTrustedHops: 1"):                                           hops(1),
		xff("numTrustedHops: 100"):                                         hops(100),
		xff("trustedCIDRs: [10.1.2.3/8, '2001:db8::1/32', 10.0.0.0/8]"):    {TrustedCIDRs: []string{"10.0.0.0/8", "2001:db8::/32"}},
		xff("trustedCIDRs: [0.0.0.0/0, '::/0']"):                           {TrustedCIDRs: []string{"0.0.0.0/0", "::/0"}},
		"{headers: {maxRequestHeaderLimit: 96Ki, maxRequestHeaders: 200}}": {MaxHeaderKiB: 96, MaxHeaders: 200},
		"{headers: {maxRequestHeaderLimit: 1}}":                            {MaxHeaderKiB: 1},
		"{headers: {maxRequestHeaderLimit: 1025}}":                         {MaxHeaderKiB: 2},
		"{headers: {maxRequestHeaderLimit: 8192Ki}}":                       {MaxHeaderKiB: 8192},
		"{maxRequestBodyLimit: 10Mi}":                                      {MaxBodyBytes: 10 << 20},
		"{maxModelBodyLimit: 64Ki}":                                        {MaxModelBody: 64 << 10},
		"{maxModelBodyLimit: 64Mi}":                                        {MaxModelBody: 64 << 20},
		"{maxRequestBodyLimit: 1500m}":                                     {MaxBodyBytes: 2},
		"{timeout: {http: {requestHeadersReceivedTimeout: 5s, idleTimeout: 2m}}}": {
			HeadersTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute,
		},
		"{timeout: {}}": {},
	} {
		spec := specOf(t, "client: "+text)
		if err := CheckParameters(spec); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got, _ := Client(spec.Client); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
	for text, field := range map[string]string{
		"{clientIPDetection: {}}": "spec.client.clientIPDetection: set one",
		"{clientIPDetection: {directSourceIP: {}, xForwardedFor: {numTrustedHops: 1}}}": "spec.client.clientIPDetection: set one",
		xff(""): "xForwardedFor: set one",
		xff("numTrustedHops: 1, trustedCIDRs: [10.0.0.0/8]"):               "xForwardedFor: set one",
		xff("numTrustedHops: 0"):                                           "numTrustedHops 0 is not",
		xff("numTrustedHops: 101"):                                         "numTrustedHops 101 is not",
		xff("trustedCIDRs: [10.0.0.1]"):                                    `trustedCIDRs[0] "10.0.0.1" is no range`,
		xff("trustedCIDRs: [10.0.0.0/8, all]"):                             `trustedCIDRs[1] "all" is no range`,
		xff("trustedCIDRs: ['fe80::1%eth0/64']"):                           `trustedCIDRs[0] "fe80::1%eth0/64" is no range`,
		xff("trustedCIDRs: ['::ffff:10.0.0.0/104']"):                       "write it as IPv4",
		xff("trustedCIDRs: [" + strings.Repeat("10.0.0.0/8, ", 257) + "]"): "has 257 entries",
		"{headers: {maxRequestHeaderLimit: 0}}":                            "spec.client.headers.maxRequestHeaderLimit 0 is not",
		"{headers: {maxRequestHeaderLimit: 8193Ki}}":                       "spec.client.headers.maxRequestHeaderLimit 8193Ki is not",
		"{headers: {maxRequestHeaders: 0}}":                                "spec.client.headers.maxRequestHeaders 0 is not",
		"{headers: {maxRequestHeaders: 100001}}":                           "spec.client.headers.maxRequestHeaders 100001 is not",
		"{maxRequestBodyLimit: 0}":                                         "spec.client.maxRequestBodyLimit 0 is not",
		"{maxRequestBodyLimit: -1Mi}":                                      "spec.client.maxRequestBodyLimit -1Mi is not",
		"{timeout: {http: {idleTimeout: 0s}}}":                             "spec.client.timeout.http.idleTimeout 0s is less",
		"{timeout: {http: {requestHeadersReceivedTimeout: 999ms}}}":        "timeout.http.requestHeadersReceivedTimeout 999ms is less",
	} {
		if err := CheckParameters(specOf(t, "client: "+text)); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v, want %q", text, err, field)
		}
	}
}

func TestProxyProtocolParameters(t *testing.T) {
	for text, want := range map[string]ir.ProxyProtocol{
		"{}": ir.NoProxyProtocol, "{proxyProtocol: {}}": ir.RequiredProxyProtocol,
		"{proxyProtocol: {optional: false}}": ir.RequiredProxyProtocol, "{proxyProtocol: {optional: true}}": ir.OptionalProxyProtocol,
	} {
		if _, got := Client(specOf(t, "client: "+text).Client); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if client, header := Client(nil); !reflect.DeepEqual(client, ir.Client{}) || header != ir.NoProxyProtocol {
		t.Errorf("nothing set: %+v %q", client, header)
	}
}

// TestClientMerge: fields of the Gateway win; the hops and proxies that are believed are one decision, not halves of two.
func TestClientMerge(t *testing.T) {
	for _, c := range []struct{ base, own, want string }{
		{"{maxRequestBodyLimit: 1Mi}", "", "{maxRequestBodyLimit: 1Mi}"},
		{"", "{maxRequestBodyLimit: 1Mi}", "{maxRequestBodyLimit: 1Mi}"},
		{"{maxRequestBodyLimit: 1Mi, proxyProtocol: {optional: true}}", "{maxRequestBodyLimit: 2Mi, proxyProtocol: {}}",
			"{maxRequestBodyLimit: 2Mi, proxyProtocol: {}}"},
		{xff("numTrustedHops: 2"), xff("trustedCIDRs: [10.0.0.0/8]"),
			xff("trustedCIDRs: [10.0.0.0/8]")},
		{xff("numTrustedHops: 2"), "{clientIPDetection: {directSourceIP: {}}}", "{clientIPDetection: {directSourceIP: {}}}"},
		{"{headers: {maxRequestHeaderLimit: 96Ki, maxRequestHeaders: 5}}", "{headers: {maxRequestHeaders: 6}}",
			"{headers: {maxRequestHeaderLimit: 96Ki, maxRequestHeaders: 6}}"},
		{"{timeout: {http: {idleTimeout: 5s}}}", "{timeout: {http: {requestHeadersReceivedTimeout: 6s}}}",
			"{timeout: {http: {idleTimeout: 5s, requestHeadersReceivedTimeout: 6s}}}"},
		{"{timeout: {http: {idleTimeout: 5s}}}", "{timeout: {}}", "{timeout: {http: {idleTimeout: 5s}}}"},
		{"{timeout: {}}", "{timeout: {http: {idleTimeout: 5s}}}", "{timeout: {http: {idleTimeout: 5s}}}"},
	} {
		parse := func(text string) (spec v1alpha1.GatewayParametersSpec) {
			if text != "" {
				spec = specOf(t, "client: "+text)
			}
			return spec
		}
		merged := MergeParameters(parse(c.base), parse(c.own))
		if got, want := clientText(t, merged.Client), clientText(t, parse(c.want).Client); got != want {
			t.Errorf("%s under %s: %s, want %s", c.base, c.own, got, want)
		}
	}
}

func clientText(t *testing.T, client *v1alpha1.ClientParameters) string {
	t.Helper()
	text, err := yaml.Marshal(client)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")

// TestClientExamples: the examples of the page may be set by the parameters of a Gateway.
func TestClientExamples(t *testing.T) {
	page, err := os.ReadFile("../../../docs/clients-address.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllSubmatch(page, -1)
	if len(blocks) < 3 {
		t.Fatalf("%d examples found", len(blocks))
	}
	for _, block := range blocks {
		var parameters v1alpha1.GatewayParameters
		if err := yaml.UnmarshalStrict(block[1], &parameters); err != nil {
			t.Fatal(err)
		}
		err := errors.Join(CheckParameters(parameters.Spec), CheckGatewayParameters(parameters.Spec))
		if err != nil || parameters.Spec.Client == nil {
			t.Errorf("%v:\n%s", err, block[1])
		}
	}
}
