package binaries

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Hash names a build: it changes with the module's Go files, go.mod and go.sum, with the toolchain and
// with the flags of the build. Nothing else does, so that a checkout in another folder finds the same.
func Hash(source, toolchain string) (string, error) {
	files, err := filepath.Glob(filepath.Join(source, "*.go"))
	if err != nil {
		return "", err
	}
	files = append(files, filepath.Join(source, "go.mod"), filepath.Join(source, "go.sum"))
	slices.Sort(files)
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%q\n", toolchain, buildArguments("", ""))
	for _, file := range files {
		if err := hashFile(sum, file); err != nil {
			return "", fmt.Errorf("hash of the Kubernetes module: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// hashFile adds a file's name, length and content, so that no two sets of files look alike.
func hashFile(sum io.Writer, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(sum, "%s %d\n", filepath.Base(path), len(data))
	_, err = sum.Write(data)
	return err
}
