// The calls of the contract test, by a client that oapi-codegen generated. Prints what it saw as JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"

	"contract/api"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func pointer[T any](value T) *T { return &value }

func main() {
	url, seen, ctx := os.Args[1], map[string]any{}, context.Background()
	client, err := api.NewClientWithResponses(url)
	check(err)
	wait := pointer("wait=20")

	sleep := func(ms int) api.JobSubmission {
		var body api.JobSubmission
		check(body.FromSubmitSleep(api.SubmitSleep{Input: api.SleepInput{DurationMs: ms}}))
		return body
	}
	accepted, err := client.SubmitJobWithResponse(ctx, nil, sleep(50))
	check(err)
	seen["submitted"] = accepted.JSON202.Type
	done, err := client.ReadJobWithResponse(ctx, accepted.JSON202.Id, &api.ReadJobParams{Prefer: wait})
	check(err)
	seen["waited"] = []any{done.JSON200.State, done.JSON200.Output}

	stream, err := http.Get(url + done.JSON200.Links.Events)
	check(err)
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
		if event, found := strings.CutPrefix(lines.Text(), "event: "); found {
			seen["streamed"] = event
		}
	}

	for n := range 3 {
		var body api.JobSubmission
		check(body.FromSubmitEcho(api.SubmitEcho{Input: n, Tags: pointer([]string{"page"})}))
		_, err := client.SubmitJobWithResponse(ctx, &api.SubmitJobParams{Prefer: wait}, body)
		check(err)
	}
	listed := []any{}
	for params := (api.ListJobsParams{Tag: pointer("page"), Limit: pointer(2)}); ; {
		page, err := client.ListJobsWithResponse(ctx, &params)
		check(err)
		for _, job := range page.JSON200.Items {
			listed = append(listed, job.Input)
		}
		if params.Cursor = page.JSON200.NextCursor; params.Cursor == nil {
			break
		}
	}
	seen["listed"] = listed

	long, err := client.SubmitJobWithResponse(ctx, nil, sleep(60_000))
	check(err)
	_, err = client.CancelJobWithResponse(ctx, long.JSON202.Id)
	check(err)
	canceled, err := client.ReadJobWithResponse(ctx, long.JSON202.Id, &api.ReadJobParams{Prefer: wait})
	check(err)
	seen["canceled"] = canceled.JSON200.State

	steps := make([]api.FlowNode, 2)
	check(steps[0].FromFlowJob(api.FlowJob{Type: "echo", Input: []int{1, 2}}))
	check(steps[1].FromFlowJob(api.FlowJob{Type: "echo", Input: map[string]string{"$output": "/1"}}))
	var chain api.FlowNode
	check(chain.FromFlowChain(api.FlowChain{Chain: steps}))
	flow, err := client.SubmitFlowWithResponse(ctx, &api.SubmitFlowParams{Prefer: wait}, api.FlowSubmission{Flow: chain})
	check(err)
	tree, err := flow.JSON200.Tree.AsFlowTreeChain()
	check(err)
	seen["flow"] = []any{flow.JSON200.State, len(tree.Chain)}

	schedule, err := client.PutScheduleWithResponse(ctx, "generated", nil, api.ScheduleBody{
		EveryMs: pointer(3_600_000), Job: api.ScheduledJob{Type: "echo", Input: 1},
	})
	check(err)
	seen["schedule"] = *schedule.JSON201.EveryMs
	_, err = client.DeleteScheduleWithResponse(ctx, "generated", nil)
	check(err)

	run, err := client.RunCountPrimesWithResponse(ctx, nil, api.CountPrimesInput{Limit: 100})
	check(err)
	seen["run"] = run.JSON200.Count
	none, err := client.ReadJobWithResponse(ctx, "io_none", nil)
	check(err)
	seen["problem"] = none.ApplicationproblemJSON404.Code
	check(json.NewEncoder(os.Stdout).Encode(seen))
}
