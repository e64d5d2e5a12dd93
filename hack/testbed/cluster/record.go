package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kedify/inference-gateway/hack/testbed/process"
)

// ErrNotRunning says that there is no such cluster.
var ErrNotRunning = errors.New("cluster is not running (start it with `up`)")

// Record is what a running cluster leaves for later commands.
type Record struct {
	Holder  process.Identity `json:"holder"`
	Profile string           `json:"profile"`
	Family  Family           `json:"family,omitempty"`
	Started time.Time        `json:"started"`
	Ready   bool             `json:"ready"` // `up` has ended well

	// Archives are the images in the node's runtime, by content key.
	Archives []string `json:"archives,omitempty"`
}

// readRecord returns the record of a cluster that runs, ready or not.
func readRecord(l Layout) (Record, error) {
	r, err := loadRecord(l)
	if err != nil {
		return r, err
	}
	if !r.Holder.Alive() {
		return r, fmt.Errorf("%s: %w", l.Name, ErrNotRunning)
	}
	return r, nil
}

// loadRecord returns the record, whether or not its cluster runs.
func loadRecord(l Layout) (Record, error) {
	var r Record
	data, err := os.ReadFile(l.record())
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s: %w", l.Name, ErrNotRunning)
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(data, &r)
}

func writeRecord(l Layout, r Record) error { return writeJSON(l.record(), r) }

// writeJSON replaces the file in one step, so that no reader sees half of it.
func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// lock lets one command at a time change a cluster. It ends with the process.
func lock(l Layout) (unlock func(), err error) {
	if err := os.MkdirAll(l.Dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(l.path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		fmt.Fprintf(os.Stderr, "waiting for another testbed command on %q\n", l.Name)
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			f.Close()
			return nil, err
		}
	}
	return func() { f.Close() }, nil
}
