package cluster

import (
	"os"
	"path/filepath"

	"github.com/kedify/inference-gateway/hack/testbed/image"
)

// The programs of the node and their configuration files.

const volumePlugins = "/var/lib/kubelet/volume-plugins"

func containerd(l Layout) program {
	return program{name: "containerd", flags: map[string]string{"config": l.config("containerd.toml")}}
}

func kubelet(l Layout) program {
	return program{name: "kubelet", flags: map[string]string{
		"config":            l.config("kubelet.yaml"),
		"kubeconfig":        l.config("kubelet.kubeconfig"),
		"hostname-override": NodeName,
		"node-ip":           l.addresses().node,
		"root-dir":          "/var/lib/kubelet",
	}}
}

func kubeProxy(l Layout) program {
	return program{name: "kube-proxy", flags: map[string]string{"config": l.config("kube-proxy.yaml")}}
}

// writeNodeConfigs writes the files that the node's programs read.
func writeNodeConfigs(l Layout, runc, cniBin string) error {
	files := map[string]string{
		"containerd.toml":                    containerdConfig(l, runc, cniBin),
		"kubelet.yaml":                       kubeletConfig(l),
		"kube-proxy.yaml":                    kubeProxyConfig(l),
		filepath.Join("cni", "net.conflist"): cniConfig(l),
	}
	for name, content := range files {
		path := l.config(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// containerdConfig: restrict_oom_score_adj lets sandboxes start where root
// lacks CAP_SYS_RESOURCE, which lowering a score needs.
func containerdConfig(l Layout, runc, cniBin string) string {
	return `version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "` + image.Pause + `"

[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["` + cniBin + `"]
    conf_dir = "` + l.config("cni") + `"
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
        BinaryName = "` + runc + `"
        SystemdCgroup = false
`
}

// kubeletConfig: no eviction and no image collection, because the machine's
// disk and memory are shared with builds and say nothing about this node; long
// leases, because a late kubelet on a busy machine is not a dead one.
func kubeletConfig(l Layout) string {
	return `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: ` + l.pki("ca.crt") + `}
authorization: {mode: Webhook}
tlsCertFile: ` + l.pki("kubelet-server.crt") + `
tlsPrivateKeyFile: ` + l.pki("kubelet-server.key") + `
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
clusterDNS: ["` + l.addresses().dns + `"]
clusterDomain: ` + ClusterDomain + `
resolvConf: ""
cgroupDriver: cgroupfs
cgroupRoot: ` + l.CgroupParent() + `
failCgroupV1: false
failSwapOn: false
localStorageCapacityIsolation: false
makeIPTablesUtilChains: false
oomScoreAdj: 0
volumePluginDir: ` + volumePlugins + `
maxPods: 250
podPidsLimit: -1
serializeImagePulls: false
registryPullQPS: 0
eventRecordQPS: 0
kubeAPIQPS: 500
kubeAPIBurst: 1000
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard:
  memory.available: 0%
  nodefs.available: 0%
  nodefs.inodesFree: 0%
  imagefs.available: 0%
  imagefs.inodesFree: 0%
nodeLeaseDurationSeconds: 600
nodeStatusUpdateFrequency: 10s
nodeStatusReportFrequency: 1m
runtimeRequestTimeout: 10m
`
}

func kubeProxyConfig(l Layout) string {
	return `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: ` + NodeName + `
clientConnection:
  kubeconfig: ` + l.config("proxy.kubeconfig") + `
  qps: 200
  burst: 400
clusterCIDR: "` + l.addresses().pods + `"
detectLocalMode: ClusterCIDR
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
nodePortAddresses: ["` + l.addresses().node + l.addresses().host + `"]
oomScoreAdj: 0
nftables:
  minSyncPeriod: 100ms
  syncPeriod: 30s
conntrack:
  maxPerCore: 0
  min: 0
  tcpEstablishedTimeout: 0s
  tcpCloseWaitTimeout: 0s
`
}
