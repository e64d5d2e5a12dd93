package listener

import (
	"os"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/golden"
)

const gatewayPage = "../../../docs/gateway.md"

var yamlBlock = regexp.MustCompile("(?ms)^ *```yaml\n(.*?)^ *```")

// TestDocumentedExamples: every example of the page is what it claims to be: valid, and
// accepted. Objects that an example refers to and does not show are supplied.
func TestDocumentedExamples(t *testing.T) {
	page, err := os.ReadFile(gatewayPage)
	if err != nil {
		t.Fatal(err)
	}
	cert := fixture.NewPair(t, "shop.example.com")
	around := []string{
		fixture.Class, fixture.Secret("shop", "shop-certificate", cert), fixture.Secret("shop", "gateway-client-certificate", cert),
		fixture.Authority("shop", "client-authorities", cert.Certificate),
	}
	blocks := yamlBlock.FindAllSubmatch(page, -1)
	if len(blocks) < 5 {
		t.Fatalf("%d examples found", len(blocks))
	}
	for _, block := range blocks {
		s := fixture.Store(t, append(around, dedent(string(block[1])))...)
		for _, key := range s.Keys(store.Gateway) {
			g := Gateway(s.View(nil), key, class.Setting{})
			status := GatewayStatus(ready(g))
			wantGood(t, key.String(), status.Conditions)
			for _, l := range status.Listeners {
				wantGood(t, key.String()+" "+string(l.Name), l.Conditions)
			}
			for _, set := range g.ListenerSets {
				wantGood(t, set.Key.String(), SetStatus(ready(g), set).Conditions)
			}
		}
	}
}

// dedent removes the indentation of an example inside a list.
func dedent(text string) string {
	margin := len(text) - len(strings.TrimLeft(text, " "))
	return strings.ReplaceAll("\n"+text, "\n"+strings.Repeat(" ", margin), "\n")
}

func wantGood(t *testing.T, where string, conditions []metav1.Condition) {
	t.Helper()
	for _, c := range conditions {
		if good := c.Type != "Conflicted"; (c.Status == metav1.ConditionTrue) != good {
			t.Errorf("%s: %s=%s/%s: %s", where, c.Type, c.Status, c.Reason, c.Message)
		}
		if c.Reason == "ListenersNotValid" {
			t.Errorf("%s: %s", where, c.Message)
		}
	}
}

// TestDocumentedReasons: what the goldens show, the tables explain.
func TestDocumentedReasons(t *testing.T) {
	page, err := os.ReadFile(gatewayPage)
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?m)^ +([A-Za-z]+=(?:True|False))/([A-Za-z]+):`)
	seen := 0
	for _, c := range golden.Load(t, "testdata/gateway") {
		for _, section := range c.Sections {
			for _, match := range shown.FindAllStringSubmatch(section.Body, -1) {
				seen++
				row := regexp.MustCompile(`(?m)^\| ` + match[1] + " \\|.*`" + match[2] + "`")
				if !row.Match(page) {
					t.Errorf("%s: %s/%s has no row in the page", c.Name, match[1], match[2])
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("%d conditions found in the goldens; the pattern is problem", seen)
	}
}
