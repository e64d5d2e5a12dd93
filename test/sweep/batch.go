package sweep

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
)

// batchSize is how many worlds one Envoy gets: its start is most of the cost of a few.
const batchSize = 150

// portTaken is what Envoy says when another program of the machine has a port.
const portTaken = "Address already in use"

// Batch is worlds that can be in one Envoy: no two have a resource of one name.
type Batch struct {
	Outcomes []*Outcome
	names    map[resource.Key]bool
}

// add takes an Outcome, or reports that it has to go into another Batch.
func (b *Batch) add(o *Outcome) bool {
	if len(b.Outcomes) >= batchSize {
		return false
	}
	for _, r := range o.Resources {
		if b.names[r.Key] {
			return false
		}
	}
	if b.names == nil {
		b.names = map[resource.Key]bool{}
	}
	for _, r := range o.Resources {
		b.names[r.Key] = true
	}
	b.Outcomes = append(b.Outcomes, o)
	return true
}

// Batches puts outcomes into as few Envoys as possible.
func Batches(outcomes []*Outcome) (batches []*Batch) {
	for _, o := range outcomes {
		if len(o.Resources) == 0 {
			continue
		}
		taken := false
		for _, b := range batches {
			if taken = b.add(o); taken {
				break
			}
		}
		if !taken {
			b := &Batch{}
			b.add(o)
			batches = append(batches, b)
		}
	}
	return batches
}

// Load gives a fresh Envoy the configuration of all worlds, and sends the requests of their neighbours.
// Where Envoy refuses something, halves are tried until the world is found.
func (b *Batch) Load(t *testing.T, name string) { load(t, name, b.Outcomes) }

func load(t *testing.T, name string, outcomes []*Outcome) {
	var err error
	t.Run(name, func(t *testing.T) {
		proxy := proxytest.Start(t)
		change, directory := resource.Change{}, shortcut(t, filepath.Dir(proxy.AdminSocket))
		for _, o := range outcomes {
			for _, r := range o.Resources {
				r.Body = bytes.ReplaceAll(r.Body, []byte(bootstrap.Directory), []byte(directory))
				change.Upsert = append(change.Upsert, r)
			}
		}
		if err = proxy.Try(change); err == nil {
			askAll(t.Context(), outcomes)
		}
	})
	switch half := len(outcomes) / 2; {
	case err == nil:
		for _, o := range outcomes {
			o.Loaded = true
		}
	case half > 0:
		load(t, name+"/0", outcomes[:half])
		load(t, name+"/1", outcomes[half:])
	case strings.Contains(err.Error(), portTaken):
	default:
		outcomes[0].Loaded = true
		outcomes[0].Rejected = errors.Is(err, proxytest.ErrRejected)
		outcomes[0].find("Envoy: %v", err)
	}
}

// shortcut is a path to a folder that is as long as that of the image's, which resources name: a serialised
// text can be replaced by one of its length alone.
func shortcut(t *testing.T, folder string) string {
	t.Helper()
	path := fmt.Sprintf("/tmp/%0*d", len(bootstrap.Directory)-len("/tmp/"), os.Getpid())
	if err := os.Symlink(folder, path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(path) })
	return path
}

func (o *Outcome) String() string {
	return fmt.Sprintf("%s\n\t%s", o.World, strings.Join(o.Findings, "\n\t"))
}
