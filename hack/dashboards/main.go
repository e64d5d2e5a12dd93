package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// boards are all of them.
var boards = []board{fleet, gateway, application, inference}

func main() {
	var err error
	if len(os.Args) == 3 {
		err = draw(os.Args[1], os.Args[2])
	} else {
		err = writeFiles(filepath.Join("charts", "kedify-gateway", "dashboards"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func writeFiles(folder string) error {
	for _, each := range boards {
		text, err := each.render()
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, each.File), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// draw writes a picture of each board with the answers in a file.
func draw(path, folder string) error {
	from, err := readAnswers(path)
	if err != nil {
		return err
	}
	for _, each := range boards {
		picture, err := each.picture(from)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(each.File, ".json") + ".png"
		if err := os.WriteFile(filepath.Join(folder, name), picture, 0o644); err != nil {
			return err
		}
	}
	return nil
}
