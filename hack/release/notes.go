package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/semver"
)

const changelog = "CHANGELOG.md"

func (r *releaser) notesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "notes", Short: "Print what " + changelog + " says of the release", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := os.ReadFile(filepath.Join(r.root, changelog))
			if err != nil {
				return err
			}
			section, err := sectionOf(string(text), r.version)
			if err == nil {
				r.say("%s", section)
			}
			return err
		},
	}
}

// sectionOf is the section of a release in a changelog in the form of Keep a Changelog. A release before another one, such
// as v0.1.0-rc.1, has that of v0.1.0.
func sectionOf(text, version string) (string, error) {
	bare := strings.TrimPrefix(strings.TrimSuffix(version, semver.Prerelease(version)), "v")
	var section []string
	inside := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "## ") {
			inside = strings.HasPrefix(line, "## ["+bare+"]")
			continue
		}
		if strings.HasPrefix(line, "[") && strings.Contains(line, "]: ") {
			continue // the links at the end of the page
		}
		if inside {
			section = append(section, line)
		}
	}
	found := strings.TrimSpace(strings.Join(section, ""))
	if bare == "" || found == "" {
		return "", fmt.Errorf("%s has no section [%s] with something in it", changelog, bare)
	}
	return found, nil
}
