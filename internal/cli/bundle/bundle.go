// Package bundle writes what is collected about an installation into one archive, without secrets.
//
// Job: a gzipped tar with bounds, whose files are redacted, and a list of what could not be had. Inputs: names and contents.
// Outputs: an archive. Ownership: a Writer belongs to one goroutine.
package bundle

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/internal/redact"
)

// Limits of an archive, in bytes before compression.
type Limits struct{ File, All int }

// DefaultLimits are those of `collect`.
var DefaultLimits = Limits{File: 32 << 20, All: 512 << 20}

// missingFile lists what could not be had.
const missingFile = "missing.txt"

// Writer writes an archive.
type Writer struct {
	limits  Limits
	at      time.Time
	folder  string
	zip     *gzip.Writer
	tar     *tar.Writer
	size    int
	missing []string
	failure error
}

// New returns a Writer whose files are in a folder and have one time.
func New(out io.Writer, folder string, at time.Time, limits Limits) *Writer {
	zip := gzip.NewWriter(out)
	return &Writer{limits: limits, at: at, folder: folder, zip: zip, tar: tar.NewWriter(zip)}
}

// Text adds a text; more than a file may have is cut at its beginning: of a log the end matters.
func (w *Writer) Text(name string, text []byte) {
	if len(text) > w.limits.File {
		text = text[len(text)-w.limits.File:]
	}
	w.add(name, []byte(redact.Text(string(text))))
}

// JSON adds a JSON value.
func (w *Writer) JSON(name string, text []byte) {
	clean, err := redact.JSON(text)
	if err != nil {
		w.Missing(name, err)
		return
	}
	w.add(name, clean)
}

// Objects adds objects of Kubernetes as YAML. Secrets are left out, and copies of objects that kubectl keeps in them.
func (w *Writer) Objects(name string, objects []map[string]any) {
	var text strings.Builder
	for _, object := range objects {
		if object["kind"] == "Secret" {
			continue
		}
		trim(object)
		document, err := yaml.Marshal(redact.Value(object))
		if err != nil {
			w.Missing(name, err)
			continue
		}
		fmt.Fprintf(&text, "---\n%s", document)
	}
	w.add(name, []byte(text.String()))
}

func trim(object map[string]any) {
	metadata, _ := object["metadata"].(map[string]any)
	delete(metadata, "managedFields")
	annotations, _ := metadata["annotations"].(map[string]any)
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
}

// Missing notes what could not be had.
func (w *Writer) Missing(name string, why error) {
	w.missing = append(w.missing, fmt.Sprintf("%s: %s", name, redact.Text(why.Error())))
}

func (w *Writer) add(name string, content []byte) {
	if w.size+len(content) > w.limits.All || len(content) > w.limits.File {
		w.Missing(name, fmt.Errorf("it has %d bytes, and that is too many", len(content)))
		return
	}
	w.size += len(content)
	w.write(name, content)
}

func (w *Writer) write(name string, content []byte) {
	if w.failure != nil {
		return
	}
	header := &tar.Header{Name: w.folder + "/" + name, Mode: 0o600, Size: int64(len(content)), ModTime: w.at, Format: tar.FormatPAX}
	if w.failure = w.tar.WriteHeader(header); w.failure == nil {
		_, w.failure = w.tar.Write(content)
	}
}

// Close ends the archive with the list of what is missing, and returns that list.
func (w *Writer) Close() ([]string, error) {
	w.write(missingFile, []byte(strings.Join(append(w.missing, ""), "\n")))
	return w.missing, errors.Join(w.failure, w.tar.Close(), w.zip.Close())
}
