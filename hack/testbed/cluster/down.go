package cluster

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/kedify/inference-gateway/hack/testbed/process"
)

// Down stops a cluster. It is the same for one that runs, one whose `up` was
// killed, and one that is gone already. Logs stay unless purge is set.
func Down(l Layout, purge bool) error {
	if _, err := os.Stat(l.Dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	unlock, err := lock(l)
	if err != nil {
		return err
	}
	defer unlock()
	record, err := loadRecord(l)
	if err != nil && !errors.Is(err, ErrNotRunning) {
		return err
	}
	if err := clean(l, record); err != nil {
		return err
	}
	if purge {
		return os.RemoveAll(l.Dir)
	}
	return nil
}

// clean ends every process of the cluster and removes what outlives them: the
// cgroups, the keys, the record. Mounts, links and data are inside the
// namespaces and end with their last process.
func clean(l Layout, record Record) error {
	if err := stop(record.Holder); err != nil {
		return err
	}
	if err := removeCgroups(l.CgroupParent()); err != nil {
		return err
	}
	for _, path := range []string{l.record(), l.handover(), l.Kubeconfig(), l.path("pki"), l.path("config"), l.Bin(), l.Scratch()} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// stop kills the holder and waits: it is gone when all processes of its
// namespace are.
func stop(holder process.Identity) error {
	if err := holder.Kill(); errors.Is(err, process.ErrGone) {
		return nil
	} else if err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); holder.Alive(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d does not end", holder.PID)
		}
	}
	return nil
}
