package telemetry

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by releases: -ldflags "-X github.com/kedify/inference-gateway/internal/telemetry.version=v1.2.3".
var version = "dev"

// BuildInfo is what the binary was built from.
type BuildInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source, "+dirty" when it was modified
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Build returns the build information of this binary.
func Build() BuildInfo {
	info := BuildInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	binary, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	dirty := false
	for _, setting := range binary.Settings {
		switch setting.Key {
		case "vcs.revision":
			info.Revision = setting.Value
		case "vcs.modified":
			dirty = setting.Value == "true"
		}
	}
	if dirty && info.Revision != "" {
		info.Revision += "+dirty"
	}
	return info
}

func (b BuildInfo) String() string {
	revision := b.Revision
	if revision == "" {
		revision = "unknown revision"
	}
	return fmt.Sprintf("kedify-gateway %s (%s, %s, %s)", b.Version, revision, b.Go, b.Platform)
}
