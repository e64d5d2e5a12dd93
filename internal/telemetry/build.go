package telemetry

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// What a build of an image or a release sets, with -ldflags "-X github.com/kedify/inference-gateway/internal/telemetry.version=v1.2.3";
// hack/source has the flags.
var version, revision string

// BuildInfo is what the binary was built from.
type BuildInfo struct {
	Version  string `json:"version"`            // of the product, in the form of SemVer with a v; "dev" when nothing is known
	Revision string `json:"revision,omitempty"` // of the source, "+dirty" when it was modified
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Build returns the build information of this binary.
func Build() BuildInfo {
	info := BuildInfo{Version: version, Revision: revision, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if binary, ok := debug.ReadBuildInfo(); ok {
		info.complete(binary)
	}
	if info.Version == "" {
		info.Version = "dev"
	}
	return info
}

// complete takes from the go command what no flag has set: the version of the module, which `go install` and a
// build in a checkout know, and the revision of the checkout.
func (b *BuildInfo) complete(binary *debug.BuildInfo) {
	if b.Version == "" && binary.Main.Version != "(devel)" {
		b.Version = binary.Main.Version
	}
	if b.Revision != "" {
		return
	}
	dirty := false
	for _, setting := range binary.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.modified":
			dirty = setting.Value == "true"
		}
	}
	if dirty && b.Revision != "" {
		b.Revision += "+dirty"
	}
}

func (b BuildInfo) String() string {
	revision := b.Revision
	if revision == "" {
		revision = "unknown revision"
	}
	return fmt.Sprintf("kedify-gateway %s (%s, %s, %s)", b.Version, revision, b.Go, b.Platform)
}
