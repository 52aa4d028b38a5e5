// Runs one operation of Pulumi's own engine on a stack whose state is a file: `up`, `preview` or `destroy`.
//
// The program imports the engine, its plugin host and its state format, and nothing of the CLI around them: no backend,
// no secrets service and no language's code generator. So it builds in a tenth of the time of the whole CLI. What the
// CLI does before it calls the engine is repeated here: the project's configuration is validated and its defaults applied,
// an operation that changes something previews first unless told otherwise, and the state is checked before it is kept.
//
// Prints one JSON object: the result, what the engine did to which resource, and its messages.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/pulumi/pulumi/pkg/v3/codegen/convert"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/pkg/v3/engine"
	"github.com/pulumi/pulumi/pkg/v3/host"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/pulumi/pulumi/pkg/v3/resource/stack"
	"github.com/pulumi/pulumi/pkg/v3/secrets/b64"
	"github.com/pulumi/pulumi/pkg/v3/util/cancel"
	pkgWorkspace "github.com/pulumi/pulumi/pkg/v3/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/esc"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// arguments are the flags of one run.
type arguments struct {
	operation     string
	project       string
	stack         string
	configuration string
	state         string
	policyPack    string
	skipPreview   bool
	ignoreProtect bool
	refresh       bool
	parallel      int
}

// step is what the engine did to one resource.
type step struct {
	Operation string `json:"operation"`
	URN       string `json:"urn"`
}

type message struct {
	Severity string `json:"severity"`
	Text     string `json:"text"`
	URN      string `json:"urn,omitempty"`
}

type result struct {
	// Error is empty if the operation succeeded.
	Error      string         `json:"error"`
	Changes    map[string]int `json:"changes"`
	Steps      []step         `json:"steps"`
	Messages   []message      `json:"messages"`
	DurationMs int64          `json:"durationMs"`
}

func main() {
	var given arguments
	flag.StringVar(&given.operation, "operation", "", "up, preview or destroy")
	flag.StringVar(&given.project, "project", ".", "directory of Pulumi.yaml")
	flag.StringVar(&given.stack, "stack", "", "name of the stack")
	flag.StringVar(&given.configuration, "config", "", "the stack's configuration, a Pulumi.STACK.yaml")
	flag.StringVar(&given.state, "state", "", "file of the stack's state; missing for a new stack")
	flag.StringVar(&given.policyPack, "policy-pack", "", "directory of a policy pack")
	flag.BoolVar(&given.skipPreview, "skip-preview", false, "change without a preview before")
	flag.BoolVar(&given.ignoreProtect, "ignore-protect", false, "delete protected resources too")
	flag.BoolVar(&given.refresh, "refresh", false, "read every resource before")
	flag.IntVar(&given.parallel, "parallel", 16, "operations on resources at a time")
	flag.Parse()

	done, err := run(context.Background(), given)
	if err != nil {
		done.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(done); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, given arguments) (result, error) {
	done := result{Changes: map[string]int{}, Steps: []step{}, Messages: []message{}}
	started := time.Now()
	defer func() { done.DurationMs = time.Since(started).Milliseconds() }()

	info, err := load(ctx, given)
	if err != nil {
		return done, err
	}
	dryRun := given.operation == "preview"
	if !dryRun && !given.skipPreview {
		if err := perform(given, info, true, &result{Changes: map[string]int{}}, &done.Messages); err != nil {
			return done, err
		}
	}
	err = perform(given, info, dryRun, &done, &done.Messages)
	done.DurationMs = time.Since(started).Milliseconds()
	return done, err
}

// load reads project, configuration and state, as the CLI does before an operation.
func load(ctx context.Context, given arguments) (engine.UpdateInfo, error) {
	root, err := filepath.Abs(given.project)
	if err != nil {
		return engine.UpdateInfo{}, err
	}
	project, err := workspace.LoadProject(filepath.Join(root, "Pulumi.yaml"))
	if err != nil {
		return engine.UpdateInfo{}, err
	}
	name, err := tokens.ParseStackName(given.stack)
	if err != nil {
		return engine.UpdateInfo{}, err
	}
	sink := diag.DefaultSink(os.Stderr, os.Stderr, diag.FormatOptions{Color: colors.Never})
	settings, err := workspace.LoadProjectStack(sink, project, given.configuration)
	if err != nil {
		return engine.UpdateInfo{}, err
	}
	err = pkgWorkspace.ValidateStackConfigAndApplyProjectConfig(
		ctx, given.stack, project, esc.Value{}, settings.Config, config.NopEncrypter, config.NopDecrypter)
	if err != nil {
		return engine.UpdateInfo{}, fmt.Errorf("validating stack config: %w", err)
	}
	snapshot, err := readState(ctx, given.state)
	if err != nil {
		return engine.UpdateInfo{}, err
	}
	return engine.UpdateInfo{
		Root:    root,
		Project: project,
		Target: &deploy.Target{
			Name:         name,
			Organization: "organization",
			Config:       settings.Config,
			Decrypter:    config.NopDecrypter,
			Snapshot:     snapshot,
		},
	}, nil
}

// perform runs the engine once, and keeps the new state unless this is a dry run. A failed operation keeps what it did.
func perform(given arguments, info engine.UpdateInfo, dryRun bool, done *result, messages *[]message) error {
	cancelled, source := cancel.NewContext(context.Background())
	defer source.Terminate()

	events := make(chan engine.Event)
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		for event := range events {
			collect(event, done, messages)
		}
	}()

	journal := engine.NewTestJournal()
	operation := &engine.Context{
		Cancel:        cancelled,
		Events:        events,
		BackendClient: states{info.Target},
	}
	if !dryRun {
		operation.SnapshotManager = journal
	}
	options := engine.UpdateOptions{
		Parallel:             int32(given.parallel),
		Refresh:              given.refresh,
		IgnoreProtect:        given.ignoreProtect,
		SkipPluginPreInstall: true,
		HostFactory:          newHost,
	}
	if given.policyPack != "" {
		options.LocalPolicyPacks = engine.MakeLocalPolicyPacks([]string{given.policyPack}, nil)
	}

	var err error
	switch given.operation {
	case "up", "preview":
		_, _, err = engine.Update(info, operation, options, dryRun)
	case "destroy":
		_, _, err = engine.Destroy(info, operation, options, dryRun)
	default:
		err = fmt.Errorf("unknown operation %q", given.operation)
	}
	close(events)
	<-collected
	closeErr := journal.Close()
	if dryRun {
		return err
	}
	return errors.Join(err, closeErr, writeState(given.state, journal, info.Target.Snapshot))
}

func newHost(ctx context.Context, sink, statusSink diag.Sink, debug plugin.DebugContext) (plugin.Host, error) {
	return host.New(ctx, sink, statusSink, debug, nil,
		schema.NewLoaderServerFromContext, convert.NewMapperServerFromContext, nil)
}

func collect(event engine.Event, done *result, messages *[]message) {
	switch payload := event.Payload().(type) {
	case engine.ResourcePreEventPayload:
		if !payload.Internal {
			done.Steps = append(done.Steps, step{string(payload.Metadata.Op), string(payload.Metadata.URN)})
		}
	case engine.SummaryEventPayload:
		for operation, count := range payload.ResourceChanges {
			done.Changes[string(operation)] += count
		}
	case engine.DiagEventPayload:
		if !payload.Ephemeral && payload.Severity != diag.Debug {
			text := colors.Never.Colorize(payload.Prefix + payload.Message)
			*messages = append(*messages, message{string(payload.Severity), text, string(payload.URN)})
		}
	case engine.PolicyViolationEventPayload:
		text := colors.Never.Colorize(payload.PolicyName + ": " + payload.Message)
		*messages = append(*messages, message{string(payload.EnforcementLevel), text, string(payload.ResourceURN)})
	}
}

// readState returns nil for a new stack.
func readState(ctx context.Context, file string) (*deploy.Snapshot, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var deployment apitype.UntypedDeployment
	if err := json.Unmarshal(content, &deployment); err != nil {
		return nil, err
	}
	return stack.DeserializeUntypedDeployment(ctx, &deployment, b64.Base64SecretsProvider)
}

func writeState(file string, journal *engine.TestJournal, base *deploy.Snapshot) error {
	snapshot, err := journal.Entries().Snap(base)
	if err != nil {
		return fmt.Errorf("the new state is not sound: %w", err)
	}
	snapshot.SecretsManager = b64.NewBase64SecretsManager()
	deployment, err := stack.SerializeUntypedDeployment(context.Background(), snapshot, nil)
	if err != nil {
		return err
	}
	content, err := json.Marshal(deployment)
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

// states answers the program's own reads of its stack.
type states struct{ target *deploy.Target }

func (s states) GetStackOutputs(
	_ context.Context, name string, _ func(error) error,
) (property.Map, error) {
	return property.Map{}, fmt.Errorf("no stack refers to another one here: %s", name)
}

func (s states) GetStackResourceOutputs(_ context.Context, name string) (property.Map, error) {
	// The program names its stack as ORGANIZATION/PROJECT/STACK.
	if path.Base(name) != s.target.Name.String() {
		return property.Map{}, fmt.Errorf("unknown stack %q", name)
	}
	resources := map[string]property.Value{}
	if s.target.Snapshot != nil {
		for _, state := range s.target.Snapshot.Resources {
			if state.Delete {
				continue
			}
			resources[string(state.URN)] = property.New(property.NewMap(map[string]property.Value{
				"type":    property.New(string(state.Type)),
				"outputs": property.New(resource.FromResourcePropertyMap(state.Outputs)),
			}))
		}
	}
	return property.NewMap(resources), nil
}
