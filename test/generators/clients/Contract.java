import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.FlowsApi;
import org.openapitools.client.api.JobsApi;
import org.openapitools.client.api.RunApi;
import org.openapitools.client.api.SchedulesApi;
import org.openapitools.client.model.*;

/** The calls of the contract test, by a client that openapi-generator generated. Prints what it saw as JSON. */
public class Contract {
  public static void main(String[] arguments) throws Exception {
    var url = arguments[0];
    var client = new ApiClient();
    client.updateBaseUri(url);
    var jobs = new JobsApi(client);
    var seen = new LinkedHashMap<String, Object>();

    var accepted = jobs.submitJob(sleep(50), null, null, null, null);
    seen.put("submitted", accepted.getType());
    var done = jobs.readJob(accepted.getId(), null, null, "wait=20", null);
    seen.put("waited", List.of(done.getState().getValue(), done.getOutput()));

    var request = HttpRequest.newBuilder(URI.create(url + done.getLinks().getEvents())).build();
    HttpClient.newHttpClient()
        .send(request, BodyHandlers.ofLines())
        .body()
        .filter(line -> line.startsWith("event: "))
        .forEach(line -> seen.put("streamed", line.substring(7)));

    for (var n = 0; n < 3; n++) {
      var echo = new SubmitEcho().type(SubmitEcho.TypeEnum.ECHO).input(n).tags(List.of("page"));
      jobs.submitJob(new JobSubmission(echo), "wait=20", null, null, null);
    }
    var listed = new ArrayList<Object>();
    String cursor = null;
    do {
      var page = jobs.listJobs(null, null, null, "page", null, null, null, null, null, null, 2, cursor);
      page.getItems().forEach(job -> listed.add(job.getInput()));
      cursor = page.getNextCursor();
    } while (cursor != null);
    seen.put("listed", listed);

    var longer = jobs.submitJob(sleep(60_000), null, null, null, null);
    jobs.cancelJob(longer.getId());
    seen.put("canceled", jobs.readJob(longer.getId(), null, null, "wait=20", null).getState().getValue());

    var chain = new FlowChain().chain(List.of(step(List.of(1, 2)), step(Map.of("$output", "/1"))));
    var submission = new FlowSubmission().flow(new FlowNode(chain));
    var flow = new FlowsApi(client).submitFlow(submission, null, "wait=20", null, null, null);
    seen.put("flow", List.of(flow.getState().getValue(), flow.getTree().getFlowTreeChain().getChain().size()));

    var schedules = new SchedulesApi(client);
    var hourly = new ScheduleBody().everyMs(3_600_000).job(new ScheduledJob().type("echo").input(1));
    seen.put("schedule", schedules.putSchedule("generated", hourly, null, null, null).getEveryMs());
    schedules.deleteSchedule("generated", null);

    var run = new RunApi(client);
    var limit = new CountPrimesInput().limit(100);
    seen.put("run", run.runCountPrimes(limit, null, null, null, null, null, null, null, null, null, null, null).getCount());
    try {
      jobs.readJob("io_none", null, null, null, null);
    } catch (ApiException problem) {
      seen.put("problem", new ObjectMapper().readTree(problem.getResponseBody()).get("code").asText());
    }
    System.out.println(new ObjectMapper().writeValueAsString(seen));
  }

  static JobSubmission sleep(int ms) {
    return new JobSubmission(new SubmitSleep().type(SubmitSleep.TypeEnum.SLEEP).input(new SleepInput().durationMs(ms)));
  }

  static FlowNode step(Object input) {
    return new FlowNode(new FlowJob().type("echo").input(input));
  }
}
