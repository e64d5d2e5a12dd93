package build

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// key names the content of a component: its table row, its module's files and
// the tool of the machine (toolOf). Two clones with the same row and files share the result.
func key(c Component, moduleDir, tool string) (string, error) {
	hash := sha256.New()
	row, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(hash, "%s\n%s\n%s\n", row, tool, runtime.GOARCH)
	if c.fromSource() || c.Libraries != "" {
		files, err := moduleFiles(moduleDir)
		if c.Libraries != "" {
			files, err = recipes[c.Libraries].files(moduleDir)
		}
		if err != nil {
			return "", err
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(hash, "%s %d\n", filepath.Base(file), len(data))
			hash.Write(data)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

func moduleFiles(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	files = append(files, filepath.Join(dir, "go.mod"))
	if sum := filepath.Join(dir, "go.sum"); exists(sum) { // none without dependencies
		files = append(files, sum)
	}
	slices.Sort(files)
	return files, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
