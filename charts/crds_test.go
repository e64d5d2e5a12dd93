package charts_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kedify/inference-gateway/hack/install/crds"
)

// definitions is the folder of the complete chart of CRDs.
var definitions = sync.OnceValues(func() (string, error) {
	folder := filepath.Join(filepath.Dir(helm), crds.Name)
	return folder, crds.Write(context.Background(), "..", folder, crds.Current)
})

// defined renders it.
func defined(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	folder, err := definitions()
	if err != nil {
		t.Fatal(err)
	}
	arguments = append([]string{"template", crds.Name, folder, "--namespace", "kedify-system"}, arguments...)
	out, err := exec.Command(helm, arguments...).CombinedOutput()
	return string(out), err
}

const experimental = "gatewayAPI.standard=false,gatewayAPI.experimental=true"

// TestCRDChart: each switch brings the CRDs that it says, and every object stays when it leaves the release.
func TestCRDChart(t *testing.T) {
	own := []string{"gatewayparameters.gateway.kedify.io", "httpscalers.gateway.kedify.io"}
	for set, c := range map[string]struct {
		some    []string
		channel string // of those of Gateway API
	}{
		"": {[]string{"gateways.gateway.networking.k8s.io", "inferencepools.inference.networking.k8s.io"}, "standard"},
		experimental: {
			[]string{"xbackends.gateway.networking.x-k8s.io", "inferencepools.inference.networking.k8s.io"}, "experimental",
		},
		"gatewayAPI.standard=false":                                  {[]string{"inferencepools.inference.networking.k8s.io"}, ""},
		"inferenceExtension.enabled=false":                           {[]string{"httproutes.gateway.networking.k8s.io"}, "standard"},
		"gatewayAPI.standard=false,inferenceExtension.enabled=false": {nil, ""},
	} {
		text, err := defined(t, "--set", set)
		if err != nil {
			t.Fatalf("%s: %s", set, text)
		}
		var names []string
		for _, object := range decode(t, text) {
			accessor, err := meta.Accessor(object)
			if err != nil {
				t.Fatal(err)
			}
			if accessor.GetAnnotations()["helm.sh/resource-policy"] != "keep" {
				t.Errorf("%s: %s goes with the release", set, accessor.GetName())
			}
			if _, is := object.(*apiextensionsv1.CustomResourceDefinition); !is {
				continue // the policy, of which both channels say that it is of the standard one
			}
			names = append(names, accessor.GetName())
			if channel := accessor.GetAnnotations()["gateway.networking.k8s.io/channel"]; channel != "" && channel != c.channel {
				t.Errorf("%s: %s is of the channel %s", set, accessor.GetName(), channel)
			}
		}
		for _, want := range append(own, c.some...) {
			if !slices.Contains(names, want) {
				t.Errorf("%s: no %s in %v", set, want, names)
			}
		}
		for group, on := range map[string]bool{
			".gateway.networking.k8s.io": c.channel != "", ".inference.networking.k8s.io": !strings.Contains(set, "inferenceExtension"),
		} {
			if has := slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, group) }); has != on {
				t.Errorf("%s: CRDs of %s: %t", set, group, has)
			}
		}
	}
}

// TestCRDsAreTheSame: the chart changes nothing in the CRDs of the product but the annotation for Helm.
func TestCRDsAreTheSame(t *testing.T) {
	text, err := defined(t)
	if err != nil {
		t.Fatal(text)
	}
	objects := decode(t, text)
	for file, want := range productCRDs(t) {
		got := named[*apiextensionsv1.CustomResourceDefinition](t, objects, want.Name)
		delete(got.Annotations, "helm.sh/resource-policy")
		if a, b := asJSON(t, want), asJSON(t, got); a != b {
			t.Errorf("%s differs from %s", want.Name, file)
		}
	}
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCRDChartRefusesMistakes names what cannot be.
func TestCRDChartRefusesMistakes(t *testing.T) {
	for set, problem := range map[string]string{
		"gatewayAPI.experimental=true":  "gatewayAPI.standard=false for the experimental channel",
		"gatewayAPI=null":               "missing property 'gatewayAPI'",
		"gatewayAPI.standard=null":      "missing property 'standard'",
		"inferenceExtension=null":       "missing property 'inferenceExtension'",
		"gatewayAPI.channel=standard":   "'channel'",
		"inferencePool.enabled=false":   "'inferencePool'",
		"gatewayAPI.standard=yes":       "standard",
		"inferenceExtension.enabled=no": "enabled",
	} {
		if text, err := defined(t, "--set", set); err == nil || !strings.Contains(text, problem) {
			t.Errorf("%s: %v, %q is not in %.300s", set, err, problem, text)
		}
	}
}

// recordLimit is what a Secret holds, and Helm keeps a release in one.
const recordLimit = 1 << 20

// TestRecordOfCRDsFits measures what Helm keeps of the release: the chart without the charts in it, and the manifest, as
// JSON, gzip and base64. There is room for twice as much.
func TestRecordOfCRDsFits(t *testing.T) {
	folder, err := definitions()
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"", experimental} {
		manifest, err := defined(t, "--set", set)
		if err != nil {
			t.Fatal(manifest)
		}
		type kept struct {
			Name string `json:"name"`
			Data []byte `json:"data"`
		}
		var files []kept
		err = fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasPrefix(path, "charts/") {
				return err
			}
			text, err := fs.ReadFile(os.DirFS(folder), path)
			files = append(files, kept{path, text})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var record bytes.Buffer
		zipped, _ := gzip.NewWriterLevel(&record, gzip.BestCompression)
		if _, err := zipped.Write([]byte(asJSON(t, map[string]any{"chart": files, "manifest": manifest}))); err != nil {
			t.Fatal(err)
		}
		zipped.Close()
		size := base64.StdEncoding.EncodedLen(record.Len())
		t.Logf("%q: %d bytes of %d", set, size, recordLimit)
		if size > recordLimit/2 {
			t.Errorf("%q: the record of the release takes %d bytes of %d", set, size, recordLimit)
		}
	}
}
