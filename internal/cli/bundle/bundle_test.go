package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

const planted = "s3cr3t-pl4nted"

// TestNoSecretIsCollected: the archive has no secret of any kind of file.
func TestNoSecretIsCollected(t *testing.T) {
	var out bytes.Buffer
	w := New(&out, "folder", time.Unix(1000, 0), DefaultLimits)
	w.Text("a.log", []byte("GET /?token="+planted+" Authorization: Bearer "+planted+"\nkept"))
	w.JSON("a.json", []byte(`{"request_headers_to_add":[{"header":{"key":"x-api-key","value":"`+planted+`"}}],"kept":1}`))
	w.JSON("broken.json", []byte(`{"password":"`+planted+`"`))
	w.Objects("a.yaml", []map[string]any{
		{"kind": "Secret", "data": map[string]any{"x": planted}},
		{"kind": "Deployment", "metadata": map[string]any{
			"name": "kept", "managedFields": []any{planted},
			"annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": planted},
		}, "spec": map[string]any{"env": []any{map[string]any{"name": "DB_PASSWORD", "value": planted}}}},
		{"kind": "ScaledObject", "spec": map[string]any{"triggers": []any{map[string]any{"metadata": map[string]any{
			"password": planted, "host": "amqp://u:" + planted + "@mq"}}}}},
	})
	w.Missing("b", fmt.Errorf("password=%s", planted))
	missing, err := w.Close()
	if err != nil || len(missing) != 2 {
		t.Fatalf("%v %v", missing, err)
	}
	files := unpacked(t, &out)
	for name, content := range files {
		if strings.Contains(content, planted) {
			t.Errorf("%s: %s", name, content)
		}
	}
	for name, kept := range map[string]string{"a.log": "kept", "a.json": `"kept"`, "a.yaml": "name: kept", "missing.txt": "broken.json"} {
		if !strings.Contains(files["folder/"+name], kept) {
			t.Errorf("%s lacks %s: %s", name, kept, files["folder/"+name])
		}
	}
}

// What is too large is cut or left out, and said to be missing.
func TestBounds(t *testing.T) {
	var out bytes.Buffer
	const limit = 1000
	w := New(&out, "f", time.Unix(1000, 0), Limits{File: limit, All: 2 * limit})
	w.Text("large.log", []byte(strings.Repeat("a", limit)+"end"))
	w.JSON("large.json", []byte(`"`+strings.Repeat("a", limit)+`"`))
	missing, err := w.Close()
	if err != nil || len(missing) != 1 || !strings.HasPrefix(missing[0], "large.json") {
		t.Fatalf("%v %v", missing, err)
	}
	if log := unpacked(t, &out)["f/large.log"]; len(log) != limit || !strings.HasSuffix(log, "end") {
		t.Errorf("%d bytes", len(log))
	}
}

func unpacked(t *testing.T, from io.Reader) map[string]string {
	t.Helper()
	zip, err := gzip.NewReader(from)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for archive := tar.NewReader(zip); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = string(content)
	}
}
