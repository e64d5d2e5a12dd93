package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
)

// Names in every cluster.
const (
	NodeName      = "testbed"
	ClusterDomain = "cluster.local"
)

// Layout is where one cluster keeps its files. Everything below Dir belongs to
// the cluster and is ignored by git; the fast-moving data (etcd, containerd,
// kubelet) lives on a tmpfs inside the mount namespace and ends with it.
type Layout struct {
	Name string
	Dir  string // <repository>/.testbed/<name>
	// Family of its addresses; that of IPv4 unless set.
	Family Family
}

// NewLayout is the layout of the cluster with this name in this repository.
func NewLayout(root, name string) Layout {
	return Layout{Name: name, Dir: filepath.Join(StateRoot(root), name)}
}

// StateRoot is the folder of all clusters of a repository.
func StateRoot(root string) string { return filepath.Join(root, ".testbed") }

func (l Layout) path(elements ...string) string {
	return filepath.Join(append([]string{l.Dir}, elements...)...)
}

// Kubeconfig is the administrator's; its server address is reachable only
// from inside the cluster's network namespace.
func (l Layout) Kubeconfig() string { return l.path("kubeconfig") }

// Bin holds kubectl, ctr and the other binaries of the cluster by name.
func (l Layout) Bin() string { return l.path("bin") }

// Logs holds one file per component.
func (l Layout) Logs() string { return l.path("logs") }

// Scratch is the mount point of the cluster's tmpfs.
func (l Layout) Scratch() string { return l.path("scratch") }

func (l Layout) pki(file string) string    { return l.path("pki", file) }
func (l Layout) config(file string) string { return l.path("config", file) }
func (l Layout) log(name string) string    { return l.path("logs", name+".log") }
func (l Layout) record() string            { return l.path("cluster.json") }
func (l Layout) handover() string          { return l.path("handover.json") }

// CgroupParent is the cluster's own cgroup, below which the kubelet creates
// the pods'. It is derived from the folder, so that clusters of two clones
// never meet and a crashed one is found again.
func (l Layout) CgroupParent() string {
	sum := sha256.Sum256([]byte(l.Dir))
	return "/" + cgroupRoot + "/" + l.Name + "-" + hex.EncodeToString(sum[:4])
}

// prepare creates the folders, with the logs of the last cluster removed.
func (l Layout) prepare() error {
	for _, old := range []string{l.Logs(), l.path("pki"), l.path("config"), l.Bin()} {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
	}
	for _, dir := range []string{l.Logs(), l.path("pki"), l.path("config"), l.Bin(), l.Scratch()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}
