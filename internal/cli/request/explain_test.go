package request_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/offline"
	"github.com/kedify/inference-gateway/internal/cli/facts"
	"github.com/kedify/inference-gateway/internal/cli/request"
	"github.com/kedify/inference-gateway/internal/golden"
)

// TestGolden shows the answers for requests: "METHOD URL NAME=VALUE", the last a header, or the model with the
// name body.model.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", func(t *testing.T, c *golden.Case) []golden.Section {
		text, asks, found := strings.Cut(string(c.Input), "\n---\nkind: Ask\n")
		if !found {
			t.Fatal("the case has no document of kind Ask")
		}
		var ask struct {
			Requests []string `json:"requests"`
		}
		if err := yaml.Unmarshal([]byte(asks), &ask); err != nil {
			t.Fatal(err)
		}
		world := worldOf(t, text)
		type answer struct{ Ask, Answer string }
		var answers []answer
		for _, line := range ask.Requests {
			words := strings.Fields(line)
			var headers []string
			model := ""
			for _, word := range words[2:] {
				if name, body := strings.CutPrefix(word, "body.model="); body {
					model = name
				} else {
					headers = append(headers, strings.Replace(word, "=", ": ", 1))
				}
			}
			asked, err := request.Parse(words[0], words[1], headers)
			if err != nil {
				t.Fatal(err)
			}
			asked.Model = model
			var out strings.Builder
			for _, list := range world.Explain(asked, types.NamespacedName{}) {
				if err := list.Write(&out); err != nil {
					t.Fatal(err)
				}
			}
			answers = append(answers, answer{line, out.String()})
		}
		body, err := yaml.Marshal(answers)
		if err != nil {
			t.Fatal(err)
		}
		return []golden.Section{{Name: "Answers", Body: string(body)}}
	})
}

func worldOf(t *testing.T, text string) request.World {
	t.Helper()
	scheme := controllers.NewScheme()
	var objects offline.Objects
	if err := objects.Add(scheme, []byte(text)); err != nil {
		t.Fatal(err)
	}
	result, err := offline.Translate(scheme, objects, offline.Setting{Programmed: true})
	if err != nil {
		t.Fatal(err)
	}
	return request.World{
		Gateways: result.Gateways, Pods: facts.PodsByAddress(objects.Watched), Unserved: request.Unserved(result.Problems, objects.Watched),
	}
}

func TestParse(t *testing.T) {
	asked, err := request.Parse("get", "https://a.example.com:8443/p%61th/?q=1&q=2", []string{"X-A: 1", "x-a:2", "Host: b.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if asked.Method != "GET" || asked.Port != 8443 || asked.ServerName != "a.example.com" || asked.Host != "b.example.com" ||
		asked.Path != "/p%61th/" || asked.Query["q"] != "1" || asked.Headers["x-a"] != "1,2" || !asked.TLS {
		t.Errorf("%+v", asked)
	}
	for _, wrong := range []struct{ url, header string }{
		{"shop.example.com", ""}, {"ftp://a/", ""}, {"http://", ""}, {"http://a:99999/", ""}, {"http://a/", "no colon"},
		{"http://a/", ": empty"}, {"http://[::1", ""},
	} {
		var headers []string
		if wrong.header != "" {
			headers = []string{wrong.header}
		}
		if _, err := request.Parse("GET", wrong.url, headers); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

// FuzzParse: any text is a request that can be asked about, or refused.
func FuzzParse(f *testing.F) {
	for _, address := range []string{"http://a/", "https://[::1]:8443/x?y=z", "http://a:0/", "//a", "http://a/%zz"} {
		f.Add("GET", address, "Name: value")
	}
	f.Fuzz(func(t *testing.T, method, address, header string) {
		asked, err := request.Parse(method, address, []string{header})
		if err != nil {
			return
		}
		if asked.Port == 0 || !strings.HasPrefix(asked.Path, "/") && asked.Path != "*" {
			t.Fatalf("%q: %+v", address, asked)
		}
		if lists := (request.World{}).Explain(asked, types.NamespacedName{}); len(lists) != 1 || lists[0].Served {
			t.Fatalf("%+v", lists)
		}
	})
}
