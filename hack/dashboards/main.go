package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// boards are all of them.
var boards = []board{fleet, gateway, application, inference}

func main() {
	folder := filepath.Join("charts", "kedify-gateway", "dashboards")
	if len(os.Args) > 1 {
		folder = os.Args[1]
	}
	for _, each := range boards {
		text, err := each.render()
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, each.File), text, 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
	}
}
