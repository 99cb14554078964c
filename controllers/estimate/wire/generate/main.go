// Command generate writes the Go code of estimator.proto. It reads the file itself and hands it to
// protoc-gen-go from the modules of this repository, so that no protoc has to be installed.
//
//	go run ./generate estimator.proto zz_generated.estimator.pb.go
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const plugin = "google.golang.org/protobuf/cmd/protoc-gen-go"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: generate FILE.proto OUT.go")
		os.Exit(2)
	}
	if err := generate(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(in, out string) error {
	compiler := protocompile.Compiler{
		Resolver:       &protocompile.SourceResolver{ImportPaths: []string{filepath.Dir(in)}},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	name := filepath.Base(in)
	files, err := compiler.Compile(context.Background(), name)
	if err != nil {
		return fmt.Errorf("read %s: %w", in, err)
	}
	version := &pluginpb.Version{} // none: the output does not name a protoc
	request, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate:  []string{name},
		Parameter:       proto.String("paths=source_relative"),
		ProtoFile:       []*descriptorpb.FileDescriptorProto{protoutil.ProtoFromFileDescriptor(files[0])},
		CompilerVersion: version,
	})
	if err != nil {
		return fmt.Errorf("ask for the code: %w", err)
	}
	cmd := exec.Command("go", "run", plugin)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(request), os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("run %s: %w", plugin, err)
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(answer, &response); err != nil {
		return fmt.Errorf("read the answer of %s: %w", plugin, err)
	}
	if response.Error != nil {
		return fmt.Errorf("%s: %s", plugin, response.GetError())
	}
	if len(response.File) != 1 {
		return fmt.Errorf("%s wrote %d files, want one", plugin, len(response.File))
	}
	return os.WriteFile(out, []byte(response.File[0].GetContent()), 0o644)
}
