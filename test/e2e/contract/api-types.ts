// Generated from openapi.yaml by `npm run openapi`.
export interface paths {
    "/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List jobs, newest first
         * @description Jobs of the tenant that match all filters. Pages stay stable while jobs are added or end. Only `next_cursor: null` is the end of the list.
         */
        get: operations["listJobs"];
        put?: never;
        /**
         * Submit a job
         * @description Stores a job and answers at once, or with its end where `Prefer: wait` asks for it. Send an `Idempotency-Key`: a repeated request stores no second job. With `Prefer: return=minimal` the answer has `id`, `state` and `links` (`self`, `events`) alone, and after a wait for a job that succeeded its output alone; `Preference-Applied` says so. The schemas of the answers do not have these forms: ask for them in a client that knows them.
         */
        post: operations["submitJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Submit many jobs at once
         * @description Up to 10,000 jobs that do not depend on each other; each has its own result, in the order given. A job that is not valid keeps none of the others away. There is room for all valid ones, or the request is refused and nothing is stored. Counts as one request for each job. With an `Idempotency-Key` the ids follow from its first use and the place in the list.
         */
        post: operations["submitBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/job-types/count-primes/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Count the primes below a limit
         * @description Counts the primes smaller than `limit` and names the largest of them. A prime limit does not count itself.
         *
         *     Waits for the end of the job and answers with its output.
         */
        post: operations["runCountPrimes"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/job-types/extract-links/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * List the links of web pages
         * @description Fetches each URL and lists the hyperlinks of its HTML. Yields each page as it finishes; the output lists them in the order of `urls`. A page that cannot be read has an `error` and does not fail the job. Limits per page: 30 s and 5 MiB.
         *
         *     Waits for the end of the job and answers with its output.
         */
        post: operations["runExtractLinks"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/job-types/http-request/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send an HTTP request
         * @description Sends one HTTP request and returns the response; follows at most 10 redirects. 5xx, 429 and network errors are retried, after Retry-After if the response has one; other unexpected statuses are permanent. Bodies over 5 MiB are refused. Private addresses are refused unless the operator allows them.
         *
         *     Waits for the end of the job and answers with its output.
         */
        post: operations["runHttpRequest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/job-types/resize-image/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resize an image
         * @description Resizes a JPEG, PNG, WebP, AVIF, GIF (its first frame) or TIFF image, rotates it as its EXIF orientation says, and encodes it without metadata. At most 20 MiB, and 50 megapixels before and after. Transparency becomes white if the format has none.
         *
         *     Waits for the end of the job and answers with its output.
         */
        post: operations["runResizeImage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/job-types/burn-cpu-isolated/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Burn CPU in a process
         * @description Diagnostic. Computes for a while, or loops forever, fills its memory, throws or aborts its process, depending on `behavior`.
         *
         *     Waits for the end of the job and answers with its output.
         */
        post: operations["runBurnCpuIsolated"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/job-types/burn-cpu/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Burn CPU in a thread
         * @description Diagnostic. Computes for a while, or loops forever, fills its memory or throws, depending on `behavior`.
         *
         *     Waits for the end of the job and answers with its output.
         */
        post: operations["runBurnCpu"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/job-types/echo/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Return the input
         * @description Diagnostic. Takes any JSON and returns the same.
         *
         *     Waits for the end of the job and answers with its output.
         */
        post: operations["runEcho"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/job-types/sleep/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Wait for a while
         * @description Diagnostic. Waits in equal steps, with a progress event after each. `fail_at` makes it throw at the start of a step.
         *
         *     Waits for the end of the job and answers with its output.
         */
        post: operations["runSleep"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/failures": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List failed jobs by what their failures have in common
         * @description Groups of failed jobs of the tenant that have the type, the code and the message in common, but for the variable parts of the message. The last seen first. A group is left out when none of its jobs is kept any more.
         */
        get: operations["listFailures"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a job
         * @description The job as it is, or its end where `Prefer: wait` asks for it.
         */
        get: operations["readJob"];
        put?: never;
        post?: never;
        /**
         * Delete a finished job
         * @description Deletes the job with its input, output, values, logs and deliveries.
         */
        delete: operations["deleteJob"];
        options?: never;
        head?: never;
        /**
         * Change when a waiting job starts
         * @description Sets the time or the priority of a job that is scheduled or queued. Its time limits count from the new time, unless it has started before.
         */
        patch: operations["changeJob"];
        trace?: never;
    };
    "/v1/jobs/{id}/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Explain why a job waits, or how it ended
         * @description All reasons why the job waits, its place in its queue and an estimate of its start; or how it came to its end. All of it is read at one moment, but for the flow of a job that waits for another step.
         */
        get: operations["explainJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/signals/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a signal to a job
         * @description The body is what `job.waitForSignal` returns in its handler: any JSON of at most 65536 bytes. A signal that comes before the handler waits for it is kept until the run ends. The first of a name counts, and a job may receive 32 names in a run.
         */
        post: operations["signalJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a job
         * @description 200: the job had not started and never will. 202: its worker was notified, and the job can only end as canceled. Cancel is idempotent until the job is done.
         */
        post: operations["cancelJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retry a failed, canceled or expired job
         * @description Opens the next run of the job: the same id is queued again, with its attempts reset.
         */
        post: operations["retryJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read what a start of a job gets
         * @description Its input and what it has kept for its next start, also after it has failed, for `drover replay`, which runs a job again in a terminal. Changes nothing, and is noted in the audit log. Secrets of the input are `***`, also where the state has them.
         */
        post: operations["replayJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a job's log
         * @description What the handler logged, oldest first, as far as it is stored.
         */
        get: operations["readJobLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/input": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a job's input
         * @description The input alone, of any size, as it was submitted but for secrets. A `Range` asks for a part of it.
         */
        get: operations["readJobInput"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/output": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a job's output
         * @description The output alone, of any size. A `Range` asks for a part of it.
         */
        get: operations["readJobOutput"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/values": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a job's values
         * @description What a generator has yielded: in pages, or as NDJSON that follows until the job is done.
         */
        get: operations["readJobValues"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Watch a job
         * @description Server-sent events: the job, what is stored of its run, then what happens until `done`. A client that resumes after the last `id` that it has misses nothing.
         */
        get: operations["streamJobEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/flows": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List flows, newest first
         * @description Flows of the tenant that match all filters, without their trees. Only `next_cursor: null` is the end of the list.
         */
        get: operations["listFlows"];
        put?: never;
        /**
         * Submit jobs that depend on each other
         * @description Stores a flow with all its jobs: a chain runs one after the other, a gather side by side, a map one job for each item. A malformed flow is refused as a whole.
         */
        post: operations["submitFlow"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/flows/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a flow
         * @description The flow as it is, with the ids of its jobs, or its end where `Prefer: wait` asks for it.
         */
        get: operations["readFlow"];
        put?: never;
        post?: never;
        /**
         * Delete a finished flow with its jobs
         * @description Deletes the flow, its jobs and their deliveries.
         */
        delete: operations["deleteFlow"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/flows/{id}/results": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the results of a flow
         * @description The results of the outermost members: in pages, or as NDJSON that has each of them as it ends.
         */
        get: operations["readFlowResults"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/flows/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Watch a flow
         * @description Server-sent events: the flow, each of its jobs as it ends, then `done`. A client that resumes after the last `id` that it has misses nothing.
         */
        get: operations["streamFlowEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/flows/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a flow
         * @description No job of the flow starts any more. 200: it has ended. 202: running jobs are being stopped.
         */
        post: operations["cancelFlow"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/flows/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retry the jobs of a flow that did not succeed
         * @description Runs the failed, canceled and expired jobs of an ended flow again, or the given ones of them. With them run again the later steps of the chains around them, and what else did not succeed in a chain or `fail_fast` group around them. The flow may have succeeded: in a gather with `continue` a member may have failed.
         */
        post: operations["retryFlow"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let somebody without a key watch a job
         * @description A signed token that reads this job in its current run alone: the job without its webhook, its events, output, values and logs. It is sent as `?token=` or as `authorization: Bearer`, and ends at its time or with the key that asked for it.
         */
        post: operations["createJobToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/flows/{id}/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let somebody without a key watch a flow
         * @description A signed token that reads this flow in its current run alone: the flow, its events and results. It is sent as `?token=` or as `authorization: Bearer`, and ends at its time or with the key that asked for it.
         */
        post: operations["createFlowToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the operations, newest first
         * @description Operations of the tenant that have not ended, and those of the last day; up to 200.
         */
        get: operations["listOperations"];
        put?: never;
        /**
         * Cancel, retry or delete many jobs
         * @description Finds the jobs of the tenant that match, then applies the action to each, in the background. A dry run, which is the default, only counts. Jobs that are added or end after the request are not matched. To cancel or delete needs the scope `cancel`, to retry `submit`; the operation ends when its key does.
         */
        post: operations["submitOperation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read an operation
         * @description How far the operation is; with `Prefer: wait` its end. It is kept for a day after that.
         */
        get: operations["readOperation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operations/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel an operation
         * @description It stops within seconds. What it did to jobs stays.
         */
        post: operations["cancelOperation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operations/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Watch an operation
         * @description Server-sent events: the operation, again whenever it has gone on, and its end.
         */
        get: operations["streamOperationEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/schedules/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a schedule
         * @description The schedule with its next and its last run.
         */
        get: operations["readSchedule"];
        /**
         * Create or replace a schedule
         * @description Stores a recurring job under an id that the client chooses. Repeating a request changes no tick. `If-Match` and `If-None-Match` protect what others have stored.
         */
        put: operations["putSchedule"];
        post?: never;
        /**
         * Delete a schedule
         * @description Ends the runs of the schedule. Jobs that it has submitted stay.
         */
        delete: operations["deleteSchedule"];
        options?: never;
        head?: never;
        /**
         * Pause or resume a schedule
         * @description Changes `paused` alone. Repeating a request changes nothing.
         */
        patch: operations["changeSchedule"];
        trace?: never;
    };
    "/v1/schedules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the schedules, in order of their ids
         * @description Schedules of the tenant. `cursor` is the id behind which a page begins.
         */
        get: operations["listSchedules"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/schedules/{id}/input": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the input of a schedule's job
         * @description The `input` of `job` alone, as JSON of any size, in parts where the client asks for a range. Secrets are masked.
         */
        get: operations["readScheduleInput"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/schedules/{id}/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run the job of a schedule now
         * @description Submits the job of the schedule, also of a paused one. Its ticks, `last_job_id` and `overlap` stay as they are.
         */
        post: operations["runSchedule"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the deliveries of a job's webhook
         * @description What was sent, or will be, when the job ended, with each attempt and the answer of the receiver.
         */
        get: operations["listDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/flows/{id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the deliveries of a flow's webhook
         * @description What was sent, or will be, when the flow ended, with each attempt and the answer of the receiver.
         */
        get: operations["listFlowDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the deliveries of all webhooks, newest first
         * @description Deliveries of jobs and flows of the tenant that have ended. `scheduled`: it is tried again; `failed`: it was given up. Only `next_cursor: null` is the end of the list.
         */
        get: operations["listAllDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/deliveries/{delivery_id}/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a webhook of a job again
         * @description Sends an ended delivery again, with the same `webhook-id` and body and with all its attempts.
         */
        post: operations["resendDelivery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/flows/{id}/deliveries/{delivery_id}/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a webhook of a flow again
         * @description Sends an ended delivery again, with the same `webhook-id` and body and with all its attempts.
         */
        post: operations["resendFlowDelivery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/job-types": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the job types
         * @description All types that can be submitted, each with the JSON Schemas of its input and output and its defaults.
         */
        get: operations["listJobTypes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/job-types/{type}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a job type
         * @description One type with the JSON Schemas of its input and output, its defaults and examples.
         */
        get: operations["readJobType"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{name}/limits/{kind}/{key}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a limit that was set from outside
         * @description Not the limits that jobs bring with them.
         */
        get: operations["readLimit"];
        /**
         * Set a limit from outside
         * @description It holds in place of what jobs say, for those that wait already, too. Jobs that run go on. 0 pauses.
         */
        put: operations["setLimit"];
        post?: never;
        /**
         * Remove a limit that was set from outside
         * @description What jobs say holds again. Idempotent.
         */
        delete: operations["removeLimit"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the queues
         * @description The queues of all job types: how many jobs they have by state, how many workers, and how long the oldest job waits.
         */
        get: operations["listQueues"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a queue
         * @description How many jobs the queue has by state, how many workers, and how long its oldest job waits.
         */
        get: operations["readQueue"];
        /**
         * Set the limits of a queue
         * @description Sets both limits, over all workers and tenants. Jobs that run go on.
         */
        put: operations["limitQueue"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{name}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Stop workers from starting jobs of a queue
         * @description Jobs are still accepted, and wait. Jobs that run go on to their end.
         */
        post: operations["pauseQueue"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{name}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let workers start jobs of a queue again
         * @description Jobs that have waited start in their order.
         */
        post: operations["resumeQueue"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read what happened lately
         * @description Ends, waits and running jobs by minute, of all tenants. Processes add what they count every five seconds; what one counted since then is lost when it is killed.
         */
        get: operations["readStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the worker processes
         * @description Each worker with a heartbeat of the last 15 seconds: its version, its queues and what it runs.
         */
        get: operations["listWorkers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workers/{id}/drain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let a worker take no more jobs
         * @description The worker takes no more jobs at once, or within a minute where the message is lost. Its running jobs go on to their end. It stays, and answers 503 on `/readyz`, until it is stopped. Idempotent.
         */
        post: operations["drainWorker"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/system": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read how the installation is
         * @description Versions, how Redis persists and what it evicts, its memory, the clocks, and the workers of each queue.
         */
        get: operations["readSystem"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read who changed what
         * @description Every write that succeeded, newest first, except submissions: which key, which operation, on what, and when. The last 100,000 of 90 days. A page may be short: only `next_cursor: null` is the end of the list.
         */
        get: operations["readAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/livez": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Check whether the API is alive
         * @description For liveness probes: answers without Redis. Needs no key.
         */
        get: operations["livez"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Check whether the API accepts jobs
         * @description For readiness probes: Redis answers, and the process is not stopping. Needs no key.
         */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read what the key of this request may do
         * @description Its id, tenant and scopes, never its secret. Without keys: what any client may do.
         */
        get: operations["readKey"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the metrics
         * @description Metrics of this process and of the queues, in the text format of Prometheus.
         */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Find what there is
         * @description Links to the lists, the dashboard and the documentation. Leads a client that asks for HTML to `/dashboard`. Needs no key.
         */
        get: operations["readEntrance"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface webhooks {
    jobEnded: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A job has ended
         * @description Sent to the `webhook` of a job at the end of each run: the job without its input. A large output is left out: read it at `links.output`.
         */
        post: operations["jobEnded"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    flowEnded: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A flow has ended
         * @description Sent to the `webhook` of a flow at the end of each run: the flow without its tree.
         */
        post: operations["flowEnded"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface components {
    schemas: {
        AuditEntry: {
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            at: string;
            /** @description Of the key */
            tenant: string;
            /** @description The id of the API key. Null: the API ran without keys */
            key: string | null;
            /** @description The `operationId` of the call */
            action: string;
            /** @description The id of what was changed; with more than one, such as `<job>/<delivery>`, as in the path of the call */
            target: string | null;
            request_id: string;
        };
        AuditEntryPage: {
            items: components["schemas"]["AuditEntry"][];
            /** @description Null on the last page */
            next_cursor: string | null;
        };
        Backoff: {
            type: components["schemas"]["BackoffType"];
            delay_ms: number;
            jitter?: number;
        };
        /** @enum {string} */
        BackoffType: "fixed" | "exponential";
        BatchItem: {
            /** @description 202: the job is stored; 200: another stands for it (`unique`). Else as the answer to `POST /v1/jobs` would have it */
            status: number;
            /** @description With `Prefer: return=representation` it has all fields of a job */
            job?: components["schemas"]["BatchJob"];
            problem?: components["schemas"]["Problem"];
        };
        BatchJob: {
            id: string;
            state: components["schemas"]["State"];
            links: components["schemas"]["BatchJobLinks"];
        } & {
            [key: string]: unknown;
        };
        BatchJobLinks: {
            self: string;
            events: string;
        };
        BatchResult: {
            items: components["schemas"]["BatchItem"][];
        };
        BatchSubmission: {
            /**
             * Format: date-time
             * @description Do not start before this time. Excludes delay_ms
             */
            run_at?: string;
            /** @description Do not start before this much time has passed. Excludes run_at */
            delay_ms?: number;
            /** @description Jobs of a higher priority start first, jobs of the same priority in order of submission. Default: 0 */
            priority?: number;
            /** @description The most attempts, the first one included */
            attempts?: number;
            /** @description The delay before the next attempt */
            backoff?: components["schemas"]["Backoff"];
            /** @description The time limit of one attempt */
            timeout_ms?: number;
            /** @description The time limit for the first start, from when the job is first due: `run_at`, or its creation and `delay_ms` */
            start_within_ms?: number;
            /** @description The time limit of the whole job, from when it is first due: `run_at`, or its creation and `delay_ms` */
            deadline_ms?: number;
            /** @description At most so many jobs of a key run at once over all workers */
            concurrency?: components["schemas"]["Concurrency"];
            /** @description At most so many jobs of a key start in a period over all workers */
            rate?: components["schemas"]["Rate"];
            /** @description Jobs of the tenant's keys take turns. The share of the tenant beside other tenants stays as it is */
            fairness_key?: string;
            tags?: string[];
            metadata?: {
                [key: string]: string;
            };
            type: string;
            input?: unknown;
            /** @description How long the job is kept at the latest once it has ended; no longer than results of its type */
            result_ttl_ms?: number;
            /** @description Called when the job or flow is done, with a payload that is signed as specified by Standard Webhooks */
            webhook?: components["schemas"]["Webhook"];
            /** @description At most one job holds a key at a time */
            unique?: components["schemas"]["Unique"];
            /** @description Submissions of a key that come soon after each other are one job, with the newest input */
            debounce?: components["schemas"]["Debounce"];
        };
        BurnCpuInput: {
            /** @description How long `finish` computes. Default: `1000` */
            duration_ms?: number;
            /** @description How many progress events `finish` sends, evenly spread. Default: `10` */
            steps?: number;
            /** @description Default: `"finish"` */
            behavior?: components["schemas"]["BurnCpuInputBehavior"];
        };
        /** @enum {string} */
        BurnCpuInputBehavior: "finish" | "spin" | "exhaust_memory" | "throw";
        BurnCpuIsolatedInput: {
            /** @description How long `finish` computes. Default: `1000` */
            duration_ms?: number;
            /** @description How many progress events `finish` sends, evenly spread. Default: `10` */
            steps?: number;
            /** @description Default: `"finish"` */
            behavior?: components["schemas"]["BurnCpuIsolatedInputBehavior"];
        };
        /** @enum {string} */
        BurnCpuIsolatedInputBehavior: "finish" | "spin" | "exhaust_memory" | "throw" | "crash";
        BurnCpuIsolatedOutput: {
            /** @description Measured, so at least duration_ms */
            burned_ms: number;
        };
        BurnCpuOutput: {
            /** @description Measured, so at least duration_ms */
            burned_ms: number;
        };
        Concurrency: {
            /** @description Of the tenant and the queue: other tenants and other queues have keys of their own */
            key: string;
            /** @description How many jobs of the key may run at once. Default: 1 */
            limit?: number;
            /** @description When as many jobs of the key wait or run. `wait` (the default): it is held until one has ended. `reject`: 409 `concurrency_full`. `replace`: the oldest are canceled, and it starts when they have stopped */
            on_full?: components["schemas"]["OnFull"];
        };
        CountPrimesInput: {
            limit: number;
        };
        CountPrimesOutput: {
            count: number;
            /** @description null where there is no prime below the limit (limit 2) */
            largest: number | null;
        };
        CountsByState: {
            scheduled: number;
            blocked: number;
            queued: number;
            running: number;
            succeeded: number;
            failed: number;
            canceled: number;
            expired: number;
        };
        Debounce: {
            /** @description Of the tenant and the queue */
            key: string;
            /** @description The job starts so long after the last submission of its key */
            quiet_ms: number;
            /** @description … and at the latest so long after the first. Default: ten times quiet_ms */
            most_ms?: number;
        };
        Delivery: {
            /** @description Also the `webhook-id` of every message that it sends */
            id: string;
            /** @description The run of the job or flow that it reports */
            run: number;
            /** @description Null until the run has ended */
            event: components["schemas"]["WebhookEvent"] | null;
            url: string;
            /** @description `blocked` until the run has ended */
            state: components["schemas"]["State"];
            done: boolean;
            /** @description The receiver's HTTP status. Null without an answer */
            status: number | null;
            error: components["schemas"]["ErrorSummary"] | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            created_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            next_attempt_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            finished_at: string | null;
            /** @description Every message that was sent, oldest first, those before a resend too. Of more than 20 the first and the last 19 */
            attempts: components["schemas"]["DeliveryAttempt"][];
            links: components["schemas"]["DeliveryLinks"];
        };
        DeliveryAttempt: {
            /** @description Starts at 1 again with a resend */
            attempt: number;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            started_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            ended_at: string | null;
            /** @description The receiver's HTTP status. Null without an answer */
            status: number | null;
            error: components["schemas"]["ErrorSummary"] | null;
        };
        DeliveryLinks: {
            resend: string;
        };
        DeliveryList: {
            items: components["schemas"]["Delivery"][];
        };
        Entrance: {
            name: string;
            /** @description Paths of this API */
            links: {
                [key: string]: string;
            };
        };
        ErrorSummary: {
            code: string;
            message: string;
        };
        Explanation: {
            id: string;
            state: components["schemas"]["State"];
            reasons: components["schemas"]["Reason"][];
            /** @description Its place among the jobs of its queue that can start: 1 starts next. Without the scope `admin` among those of its tenant. Null: it is not among them, or behind more than 10,000, or its tenant uses fairness keys, which decide at each turn */
            position: number | null;
            /** @description When it starts, if the queue goes on as it did. Null: it depends on what holds it, or it does not wait */
            estimate: components["schemas"]["ExplanationEstimate"] | null;
            /** @description The starts of this run, oldest first. Of more than 20 the first and the last 19 */
            attempts: components["schemas"]["JobAttempt"][];
        };
        ExplanationEstimate: {
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            earliest_at: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            latest_at: string | null;
            /** @description So many jobs of the queue ended in this time before. Null without the scope `admin` */
            basis: components["schemas"]["ExplanationEstimateBasis"];
        };
        ExplanationEstimateBasis: {
            ended: number | null;
            window_ms: number;
        };
        ExtractLinksInput: {
            urls: string[];
            /** @description The maximum number of concurrent requests. Default: `10` */
            concurrency?: number;
        };
        ExtractLinksOutput: {
            pages: components["schemas"]["ExtractLinksOutputPagesItem"][];
            total_links: number;
        };
        ExtractLinksOutputPagesItem: {
            /** @description As in the input */
            url: string;
            /** @description null if the server did not respond */
            status: number | null;
            /** @description Absolute http(s) URLs without fragment, each once, in document order */
            links: string[];
            error: string | null;
        };
        FailureGroup: {
            fingerprint: string;
            type: string;
            queue: string;
            /** @description `error.code` of its jobs */
            code: string;
            /** @description `error.message` of its jobs with `*` for what differs: quoted text, addresses, numbers */
            message: string;
            /** @description Failed jobs that are kept */
            count: number;
            /** @description Failures since it was first seen; a job that failed again after a retry counts again */
            total: number;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            first_seen_at: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            last_seen_at: string;
            latest_job_id: string;
            links: components["schemas"]["FailureGroupLinks"];
        };
        FailureGroupLinks: {
            jobs: string;
            latest_job: string;
        };
        FailureList: {
            items: components["schemas"]["FailureGroup"][];
        };
        /**
         * @description Jobs that depend on each other, at one moment
         * @example {
         *       "id": "flow_01m82n1b1gk3mz5c5w4x1jv0rq",
         *       "state": "succeeded",
         *       "done": true,
         *       "error": null,
         *       "run": 1,
         *       "jobs": 2,
         *       "counts": {
         *         "scheduled": 0,
         *         "blocked": 0,
         *         "queued": 0,
         *         "running": 0,
         *         "succeeded": 2,
         *         "failed": 0,
         *         "canceled": 0,
         *         "expired": 0
         *       },
         *       "tree": {
         *         "kind": "chain",
         *         "path": "/flow",
         *         "state": "succeeded",
         *         "chain": [
         *           {
         *             "kind": "job",
         *             "path": "/flow/chain/0",
         *             "state": "succeeded",
         *             "id": "io_01m82n1b1gk3mz5c5w4x1jv0rr",
         *             "type": "extract-links"
         *           },
         *           {
         *             "kind": "job",
         *             "path": "/flow/chain/1",
         *             "state": "succeeded",
         *             "id": "io_01m82n1b1gk3mz5c5w4x1jv0rs",
         *             "type": "echo"
         *           }
         *         ]
         *       },
         *       "held_back": null,
         *       "tags": [
         *         "nightly"
         *       ],
         *       "metadata": {
         *         "order": "42"
         *       },
         *       "created_at": "2026-11-22T03:00:00.000Z",
         *       "finished_at": "2026-11-22T03:00:00.480Z",
         *       "cancel_requested_at": null,
         *       "deadline_at": null,
         *       "expires_at": "2026-11-23T03:00:00.480Z",
         *       "links": {
         *         "self": "/v1/flows/flow_01m82n1b1gk3mz5c5w4x1jv0rq",
         *         "results": "/v1/flows/flow_01m82n1b1gk3mz5c5w4x1jv0rq/results",
         *         "events": "/v1/flows/flow_01m82n1b1gk3mz5c5w4x1jv0rq/events",
         *         "cancel": "/v1/flows/flow_01m82n1b1gk3mz5c5w4x1jv0rq/cancel",
         *         "deliveries": "/v1/flows/flow_01m82n1b1gk3mz5c5w4x1jv0rq/deliveries"
         *       }
         *     }
         */
        Flow: {
            id: string;
            state: components["schemas"]["State"];
            /** @description True in the four final states: succeeded, failed, canceled, expired */
            done: boolean;
            error: components["schemas"]["FlowError"] | null;
            /** @description Starts at 1 and increases with each `POST …/retry` */
            run: number;
            /** @description The number of jobs. Increases when a map expands */
            jobs: number;
            /** @description Number of jobs by state */
            counts: components["schemas"]["CountsByState"];
            /** @description Null with `?tree=none` */
            tree: components["schemas"]["FlowTree"] | null;
            /** @description Why a map cannot expand further at the moment: it goes on when there is room */
            held_back: components["schemas"]["HeldBack"] | null;
            tags: string[];
            metadata: {
                [key: string]: string;
            };
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            created_at: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            finished_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            cancel_requested_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            deadline_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            expires_at: string | null;
            links: components["schemas"]["FlowLinks"];
        };
        FlowChain: {
            chain: components["schemas"]["FlowNode"][];
        };
        FlowError: {
            code: string;
            message: string;
            /** @description The job that caused the end of the flow */
            job_id: string | null;
            path: string | null;
        };
        FlowGather: {
            gather: components["schemas"]["FlowNode"][];
            /** @description What happens to the others when one does not succeed. Default: `fail_fast`, they are canceled */
            on_failure?: components["schemas"]["OnFailure"];
        };
        FlowJob: {
            type: string;
            input: unknown;
            /**
             * Format: date-time
             * @description Do not start before this time. Excludes delay_ms
             */
            run_at?: string;
            /** @description Do not start before this much time has passed. Excludes run_at */
            delay_ms?: number;
            /** @description Jobs of a higher priority start first, jobs of the same priority in order of submission. Default: 0 */
            priority?: number;
            /** @description The most attempts, the first one included */
            attempts?: number;
            /** @description The delay before the next attempt */
            backoff?: components["schemas"]["Backoff"];
            /** @description The time limit of one attempt */
            timeout_ms?: number;
            /** @description The time limit for the first start, from when the job is first due: `run_at`, or its creation and `delay_ms` */
            start_within_ms?: number;
            /** @description The time limit of the whole job, from when it is first due: `run_at`, or its creation and `delay_ms` */
            deadline_ms?: number;
            /** @description At most so many jobs of a key run at once over all workers */
            concurrency?: components["schemas"]["Concurrency"];
            /** @description At most so many jobs of a key start in a period over all workers */
            rate?: components["schemas"]["Rate"];
            /** @description Jobs of the tenant's keys take turns. The share of the tenant beside other tenants stays as it is */
            fairness_key?: string;
            tags?: string[];
            metadata?: {
                [key: string]: string;
            };
        };
        FlowLinks: {
            self: string;
            results: string;
            events: string;
            cancel: string;
            deliveries: string;
        };
        FlowMap: {
            map: components["schemas"]["FlowMapOptions"];
        };
        FlowMapOptions: {
            /** @description `{ "$output": pointer }` */
            over: unknown;
            node: components["schemas"]["FlowNode"];
            limit?: number;
            /** @description What happens to the others when one does not succeed. Default: `fail_fast`, they are canceled */
            on_failure?: components["schemas"]["OnFailure"];
        };
        /** @description A member of a flow with its result */
        FlowMember: {
            /** @description The id of the job. Null where the member is a group of jobs */
            id: string | null;
            /** @description Its place among the nodes of its chain, gather or map */
            index: number;
            path: string;
            /** @description Of the job. Empty where the member is a group of jobs */
            metadata: {
                [key: string]: string;
            };
            state: components["schemas"]["State"];
            output: unknown;
            /** @description In events: the size in bytes of JSON of an output above 16,384 bytes, which is not in `output`: read it with the job */
            output_bytes: number | null;
            error: components["schemas"]["ErrorSummary"] | null;
        };
        FlowMemberPage: {
            items: components["schemas"]["FlowMember"][];
            /** @description Null on the last page */
            next_cursor: string | null;
        };
        /** @description A job, or nodes that run one after the other or side by side */
        FlowNode: components["schemas"]["FlowJob"] | components["schemas"]["FlowChain"] | components["schemas"]["FlowGather"] | components["schemas"]["FlowMap"];
        FlowPage: {
            items: components["schemas"]["Flow"][];
            /** @description Null on the last page */
            next_cursor: string | null;
            /** @description `false`: The page ended early, because the search took long or the page became large: `next_cursor` continues it. Absent otherwise */
            complete?: boolean;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            searched_back_to?: string;
        };
        FlowSubmission: {
            flow: components["schemas"]["FlowNode"];
            /** @description The time limit of the whole flow, from its creation or its retry */
            deadline_ms?: number;
            tags?: string[];
            metadata?: {
                [key: string]: string;
            };
            /** @description Called when the job or flow is done, with a payload that is signed as specified by Standard Webhooks */
            webhook?: components["schemas"]["Webhook"];
        };
        /** @description A node of a flow: a job, or a group of nodes */
        FlowTree: components["schemas"]["FlowTreeJob"] | components["schemas"]["FlowTreeChain"] | components["schemas"]["FlowTreeGather"] | components["schemas"]["FlowTreeMap"];
        FlowTreeChain: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "chain";
            /** @description JSON Pointer into the body of the submission */
            path: string;
            state: components["schemas"]["State"];
            chain: components["schemas"]["FlowTree"][];
        };
        FlowTreeGather: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "gather";
            /** @description JSON Pointer into the body of the submission */
            path: string;
            state: components["schemas"]["State"];
            gather: components["schemas"]["FlowTree"][];
            on_failure: components["schemas"]["OnFailure"];
        };
        FlowTreeJob: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "job";
            /** @description JSON Pointer into the body of the submission */
            path: string;
            state: components["schemas"]["State"];
            id: string;
            type: string;
        };
        FlowTreeMap: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "map";
            /** @description JSON Pointer into the body of the submission */
            path: string;
            state: components["schemas"]["State"];
            map: components["schemas"]["FlowTree"][];
            on_failure: components["schemas"]["OnFailure"];
        };
        Health: {
            /** @enum {string} */
            status: "ok";
        };
        HeldBack: {
            code: components["schemas"]["HeldBackCode"];
            detail: string;
            /** Format: date-time */
            since: string;
        };
        /** @enum {string} */
        HeldBackCode: "quota_exceeded" | "queue_full" | "redis_full";
        HeldBy: {
            kind: components["schemas"]["HeldByKind"];
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            since: string;
            /** @description The key; of `tenant` the tenant, of `type` the type, of `queue` the queue */
            key?: string;
            /** @description How many jobs may run at once, of a rate how many may start in its period */
            limit?: number;
            /** @description How many of them run */
            running?: number;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            eligible_at?: string;
        };
        /** @enum {string} */
        HeldByKind: "paused" | "no_worker" | "unknown_type" | "concurrency" | "rate" | "tenant" | "type" | "queue";
        HttpRequestInput: {
            /** Format: uri */
            url: string;
            /** @description Default: `"GET"` */
            method?: components["schemas"]["HttpRequestInputMethod"];
            /** @description Default: `{}` */
            headers?: {
                [key: string]: string;
            };
            /** @description A string is sent as it is; any other value as JSON, with content-type application/json unless given; null means no body */
            body?: unknown;
            /** @description The statuses that count as success; a single one may stand without the array. Default: 200 to 399. A redirect with an expected status is not followed */
            expect_status?: number[];
        };
        /** @enum {string} */
        HttpRequestInputMethod: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";
        HttpRequestOutput: {
            status: number;
            /** @description Names in lower case; several set-cookie headers are joined by line feeds */
            headers: {
                [key: string]: string;
            };
            /** @description Decoded text if the content-type is text/*, JSON, XML, JavaScript or a form, has a charset, or is missing; base64 for any other type */
            body: string;
            /** @description Length of the body after decompression, before decoding */
            bytes: number;
            /** @description From the start of the request to the end of the body, including redirects */
            duration_ms: number;
        };
        Installation: {
            /** @description Of this API process */
            version: string;
            node: string;
            /** @description Clients need an API key */
            authenticated: boolean;
            redis: components["schemas"]["SystemRedis"];
            clock: components["schemas"]["SystemClock"];
            queues: components["schemas"]["SystemQueue"][];
            /** @description How many workers have each version */
            worker_versions: components["schemas"]["WorkerVersion"][];
            /** @description As `/readyz` has them */
            warnings: components["schemas"]["Warning"][];
        };
        /**
         * @description A job at one moment
         * @example {
         *       "id": "cpu_01m82n06cvbgy292731g000c4x",
         *       "type": "count-primes",
         *       "type_version": null,
         *       "queue": "cpu",
         *       "state": "succeeded",
         *       "done": true,
         *       "input": {
         *         "limit": 100
         *       },
         *       "input_bytes": null,
         *       "output": {
         *         "count": 25,
         *         "largest": 97
         *       },
         *       "output_bytes": null,
         *       "error": null,
         *       "progress": {
         *         "fraction": 1,
         *         "message": "25 primes below 100",
         *         "data": null
         *       },
         *       "checkpoint": null,
         *       "waiting_for": null,
         *       "signals": [],
         *       "run": 1,
         *       "attempt": 1,
         *       "max_attempts": 3,
         *       "worker": null,
         *       "priority": 0,
         *       "backoff": null,
         *       "timeout_ms": 30000,
         *       "start_within_ms": null,
         *       "deadline_ms": null,
         *       "run_at": null,
         *       "result_ttl_ms": null,
         *       "webhook": null,
         *       "unique": null,
         *       "concurrency": null,
         *       "rate": null,
         *       "fairness_key": null,
         *       "debounce": null,
         *       "tags": [
         *         "nightly"
         *       ],
         *       "metadata": {
         *         "order": "42"
         *       },
         *       "created_at": "2026-11-22T03:00:00.000Z",
         *       "scheduled_for": null,
         *       "held_by": null,
         *       "started_at": "2026-11-22T03:00:00.004Z",
         *       "finished_at": "2026-11-22T03:00:00.021Z",
         *       "cancel_requested_at": null,
         *       "deadline_at": null,
         *       "expires_at": "2026-11-23T03:00:00.021Z",
         *       "flow_id": null,
         *       "parent": null,
         *       "children": null,
         *       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
         *       "attempts": [
         *         {
         *           "attempt": 1,
         *           "worker": "worker-3",
         *           "started_at": "2026-11-22T03:00:00.004Z",
         *           "ended_at": "2026-11-22T03:00:00.021Z",
         *           "outcome": "succeeded",
         *           "error": null
         *         }
         *       ],
         *       "links": {
         *         "self": "/v1/jobs/cpu_01m82n06cvbgy292731g000c4x",
         *         "input": "/v1/jobs/cpu_01m82n06cvbgy292731g000c4x/input",
         *         "output": "/v1/jobs/cpu_01m82n06cvbgy292731g000c4x/output",
         *         "values": "/v1/jobs/cpu_01m82n06cvbgy292731g000c4x/values",
         *         "events": "/v1/jobs/cpu_01m82n06cvbgy292731g000c4x/events",
         *         "logs": "/v1/jobs/cpu_01m82n06cvbgy292731g000c4x/logs",
         *         "cancel": "/v1/jobs/cpu_01m82n06cvbgy292731g000c4x/cancel"
         *       }
         *     }
         */
        Job: {
            id: string;
            type: string;
            /** @description The `version` that its type declared when it was submitted: workers of a lower one leave it to others */
            type_version: number | null;
            queue: string;
            state: components["schemas"]["State"];
            /** @description True in the four final states: succeeded, failed, canceled, expired */
            done: boolean;
            /** @description Also null when `input_bytes` is a number */
            input: unknown;
            /** @description The size in bytes of JSON of an input above 16,384 bytes, which is not in this field: read it at `links.input` */
            input_bytes: number | null;
            /** @description What the job returned. Also null when `output_bytes` is a number */
            output: unknown;
            /** @description The size in bytes of JSON of an output that is too large for this field, in lists and events above 16,384 bytes: read it at `links.output` */
            output_bytes: number | null;
            error: components["schemas"]["JobError"] | null;
            progress: components["schemas"]["JobProgress"] | null;
            /** @description What its handler has kept for the next start, state and steps together: the size of the JSON, and when the last of it was stored. A job that failed keeps it for a replay. Null where that is nothing, and of a job that ended otherwise */
            checkpoint: components["schemas"]["JobCheckpoint"] | null;
            /** @description Of a job that is `blocked` since its handler waits: for which signals, and until when at the latest, any of which brings it back; and whether for jobs that it has submitted */
            waiting_for: components["schemas"]["JobWaitingFor"] | null;
            /** @description The signals that this run has received */
            signals: components["schemas"]["JobSignalsItem"][];
            /** @description Starts at 1 and increases with each `POST …/retry` */
            run: number;
            /** @description The current or latest attempt of this run. 0 before the first one */
            attempt: number;
            max_attempts: number;
            /** @description The worker that runs it: its `WORKER_NAME`, else its host and process id, or for keys without the scope `admin` a name made up for it */
            worker: string | null;
            priority: number;
            /** @description As it was submitted, as the following. Null: the default of the job type */
            backoff: components["schemas"]["JobBackoff"] | null;
            timeout_ms: number | null;
            start_within_ms: number | null;
            deadline_ms: number | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            run_at: string | null;
            /** @description How long it is kept at the latest once it has ended: its own, or that of its type */
            result_ttl_ms: number | null;
            concurrency: components["schemas"]["JobConcurrency"] | null;
            rate: components["schemas"]["JobRate"] | null;
            fairness_key: string | null;
            webhook: components["schemas"]["JobWebhook"] | null;
            unique: components["schemas"]["JobUnique"] | null;
            debounce: components["schemas"]["JobDebounce"] | null;
            tags: string[];
            metadata: {
                [key: string]: string;
            };
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            created_at: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            scheduled_for: string | null;
            /** @description Why it waits although its time has come: its queue is paused, no worker consumes the queue, no worker knows the job type, its concurrency key is full, its rate is reached, or as many jobs of its tenant or of its queue run as may */
            held_by: components["schemas"]["HeldBy"] | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            started_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            finished_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            cancel_requested_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            deadline_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            expires_at: string | null;
            flow_id: string | null;
            /** @description The job whose handler has submitted it, the first job above that one, and how many are above it */
            parent: components["schemas"]["JobParent"] | null;
            /** @description How many jobs its handler has submitted in this run: `GET /v1/jobs?parent=` lists them */
            children: components["schemas"]["JobChildren"] | null;
            /** @description Of the `traceparent` that it was submitted with */
            trace_id: string | null;
            /** @description The starts of this run, oldest first. Of more than 20 the first and the last 19 */
            attempts: components["schemas"]["JobAttempt"][];
            links: components["schemas"]["JobLinks"];
        };
        JobAttempt: {
            /** @description A start that lost its worker, was put back or was parked uses up no attempt */
            attempt: number;
            worker: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            started_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            ended_at: string | null;
            /** @description Null while it runs. `worker_lost`: its worker crashed, froze or lost its lease. `put_back`: its worker was stopped. `parked`: its handler waits for a signal */
            outcome: components["schemas"]["JobAttemptOutcome"] | null;
            error: components["schemas"]["JobAttemptError"] | null;
        };
        JobAttemptError: {
            code: string;
            message: string;
            retryable: boolean;
        };
        /** @enum {string} */
        JobAttemptOutcome: "succeeded" | "failed" | "canceled" | "worker_lost" | "put_back" | "parked";
        JobBackoff: {
            type: components["schemas"]["BackoffType"];
            delay_ms: number;
            jitter: number;
        };
        JobBatch: {
            /** @description Each as the body of `POST /v1/jobs`, with the `input` of its type */
            jobs: components["schemas"]["BatchSubmission"][];
        };
        JobChange: {
            /**
             * Format: date-time
             * @description Do not start before this time. A time that is over: start as soon as a worker is free
             */
            run_at?: string;
            /** @description Behind the waiting jobs of this priority */
            priority?: number;
        };
        JobCheckpoint: {
            size_bytes: number;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            at: string;
        };
        JobChildren: {
            count: number;
        };
        JobConcurrency: {
            key: string;
            limit: number;
            on_full: components["schemas"]["OnFull"];
        };
        JobDebounce: {
            key: string;
            quiet_ms: number;
            most_ms: number;
        };
        JobError: {
            code: string;
            message: string;
            retryable: boolean;
            attempt: number;
            stopped?: components["schemas"]["JobErrorStopped"];
        };
        /** @enum {string} */
        JobErrorStopped: "never_started" | "cooperatively" | "killed" | "abandoned";
        JobFilter: {
            state?: components["schemas"]["State"];
            type?: string;
            queue?: string;
            tag?: string;
            parent?: string;
            error_code?: string;
            fingerprint?: string;
            /** Format: date-time */
            created_after?: string;
            /** Format: date-time */
            created_before?: string;
        };
        JobLinks: {
            self: string;
            input: string;
            output: string;
            values: string;
            events: string;
            logs: string;
            cancel: string;
        };
        JobPage: {
            items: components["schemas"]["Job"][];
            /** @description Null on the last page */
            next_cursor: string | null;
            /** @description `false`: The page ended early, because the search took long or the page became large: `next_cursor` continues it. Absent otherwise */
            complete?: boolean;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            searched_back_to?: string;
        };
        JobParent: {
            id: string;
            root_id: string;
            depth: number;
        };
        JobProgress: {
            fraction: number;
            message: string | null;
            data: unknown;
        };
        JobRate: {
            key: string;
            limit: number;
            per_ms: number;
            burst: number;
        };
        JobSignalsItem: {
            name: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            received_at: string;
            size_bytes: number;
        };
        JobSubmission: components["schemas"]["SubmitCountPrimes"] | components["schemas"]["SubmitExtractLinks"] | components["schemas"]["SubmitHttpRequest"] | components["schemas"]["SubmitResizeImage"] | components["schemas"]["SubmitBurnCpuIsolated"] | components["schemas"]["SubmitBurnCpu"] | components["schemas"]["SubmitEcho"] | components["schemas"]["SubmitSleep"];
        /** @description A type of job that can be submitted, and how it runs */
        JobType: {
            type: string;
            /** @description Identifies the contents of the file that declares the job type, in this API process: the beginning of its SHA-256 */
            version: string | null;
            /** @description The `version` that the file declares */
            type_version: number | null;
            title: string;
            description: string;
            runs_on: components["schemas"]["RunsOn"];
            queue: string;
            defaults: components["schemas"]["JobTypeDefaults"];
            /** @description JSON Schema of the input */
            input: {
                [key: string]: unknown;
            };
            /** @description JSON Schema of the output */
            output: {
                [key: string]: unknown;
            };
            examples: components["schemas"]["JobTypeExample"][];
        };
        JobTypeDefaults: {
            attempts: number;
            backoff: components["schemas"]["JobTypeDefaultsBackoff"];
            timeout_ms: number;
        };
        JobTypeDefaultsBackoff: {
            type: components["schemas"]["BackoffType"];
            delay_ms: number;
            jitter: number;
        };
        JobTypeExample: {
            input: unknown;
            output: unknown;
        };
        JobTypeList: {
            items: components["schemas"]["JobType"][];
        };
        JobUnique: {
            key: string;
            until: components["schemas"]["JobUniqueUntil"] | null;
            for_ms: number | null;
            on_conflict: components["schemas"]["JobUniqueOnConflict"];
        };
        /** @enum {string} */
        JobUniqueOnConflict: "existing" | "reject" | "replace";
        /** @enum {string} */
        JobUniqueUntil: "started" | "ended";
        JobWaitingFor: {
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            since: string;
            signals: components["schemas"]["JobWaitingForSignalsItem"][];
            children: boolean;
        };
        JobWaitingForSignalsItem: {
            name: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            until: string | null;
        };
        JobWebhook: {
            url: string;
            events: components["schemas"]["JobWebhookEventsItem"][];
        };
        /** @enum {string} */
        JobWebhookEventsItem: "succeeded" | "failed" | "canceled" | "expired";
        Key: {
            /** @description Null where the API runs without keys */
            id: string | null;
            tenant: string;
            scopes: components["schemas"]["KeyScopesItem"][];
            /** @description The job types that it may submit. Null: all */
            types: string[] | null;
            /** @description The queues that it may submit to. Null: all */
            queues: string[] | null;
        };
        /** @enum {string} */
        KeyScopesItem: "submit" | "read" | "cancel" | "admin";
        /** @description A limit that was set from outside, in place of what jobs say */
        Limit: {
            queue: string;
            kind: components["schemas"]["LimitKind"];
            /** @description Whose key it is. Null of a type: it is that of all tenants */
            tenant: string | null;
            key: string;
            limit: number;
            per_ms: number | null;
            burst: number | null;
        };
        LimitBody: {
            /** @description 0: no job of it starts */
            limit: number;
            /** @description Of a rate, and required there: the period */
            per_ms?: number;
            /** @description Of a rate: how many may start at one moment. Default: 1 */
            burst?: number;
        };
        /** @enum {string} */
        LimitKind: "concurrency" | "rate" | "tenant" | "type";
        ListedDelivery: {
            /** @description Also the `webhook-id` of every message that it sends */
            id: string;
            /** @description The run of the job or flow that it reports */
            run: number;
            /** @description Null until the run has ended */
            event: components["schemas"]["WebhookEvent"] | null;
            url: string;
            /** @description `blocked` until the run has ended */
            state: components["schemas"]["State"];
            done: boolean;
            /** @description The receiver's HTTP status. Null without an answer */
            status: number | null;
            error: components["schemas"]["ErrorSummary"] | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            created_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            next_attempt_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            finished_at: string | null;
            /** @description Every message that was sent, oldest first, those before a resend too. Of more than 20 the first and the last 19 */
            attempts: components["schemas"]["DeliveryAttempt"][];
            links: components["schemas"]["DeliveryLinks"];
            /** @description The job that it reports; null: a flow */
            job_id: string | null;
            flow_id: string | null;
        };
        ListedDeliveryPage: {
            items: components["schemas"]["ListedDelivery"][];
            /** @description Null on the last page */
            next_cursor: string | null;
            /** @description `false`: The page ended early, because the search took long or the page became large: `next_cursor` continues it. Absent otherwise */
            complete?: boolean;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            searched_back_to?: string;
        };
        LogLine: {
            at: string;
            level: string;
            message: string;
            attempt: number;
        };
        LogPage: {
            items: components["schemas"]["LogLine"][];
            /** @description Null on the last page */
            next_cursor: string | null;
        };
        Mistake: {
            pointer: string;
            detail: string;
        };
        NewOperation: {
            action: components["schemas"]["OperationAction"];
            /** @description As for `GET /v1/jobs`; at least one condition */
            filter: components["schemas"]["JobFilter"];
            /** @description True unless it says false: the operation counts, and changes nothing */
            dry_run?: boolean;
            /** @description At most so many jobs, the newest. Default: 100,000 */
            limit?: number;
        };
        NewToken: {
            /** @description How long it is valid. Default: ten minutes */
            ttl_ms?: number;
            /** @description Whether it lets its owner read the input. Default: false */
            input?: boolean;
        };
        /** @enum {string} */
        OnConflict: "existing" | "reject" | "replace";
        /** @enum {string} */
        OnFailure: "fail_fast" | "continue";
        /** @enum {string} */
        OnFull: "wait" | "reject" | "replace";
        Operation: {
            id: string;
            action: components["schemas"]["OperationAction"];
            /** @description As the client sent it */
            filter: {
                [key: string]: string;
            };
            /** @description It counts, and changes nothing */
            dry_run: boolean;
            limit: number;
            state: components["schemas"]["OperationState"];
            done: boolean;
            progress: components["schemas"]["OperationProgress"];
            /** @description Jobs that match the filter, at most `limit`. Rises while they are looked for */
            matched: number;
            /** @description Jobs to which the action was applied */
            succeeded: number;
            failed: number;
            /** @description Jobs to which the action cannot be applied in their state, or that changed since the operation began */
            skipped: number;
            /** @description Why jobs failed; of the first 20 */
            failures: components["schemas"]["OperationFailure"][];
            /** @description Why there is no room for the jobs that it retries at the moment */
            waiting_for: string | null;
            /** @description Why it ended as `failed` */
            error: components["schemas"]["ErrorSummary"] | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            created_at: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            started_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            finished_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            cancel_requested_at: string | null;
            links: components["schemas"]["OperationLinks"];
        };
        /** @enum {string} */
        OperationAction: "cancel" | "retry" | "delete";
        OperationFailure: {
            job_id: string;
            code: string;
            detail: string;
        };
        OperationLinks: {
            self: string;
            events: string;
            cancel: string;
        };
        OperationList: {
            items: components["schemas"]["Operation"][];
        };
        OperationProgress: {
            fraction: number;
            message: string;
        };
        /** @enum {string} */
        OperationState: "queued" | "running" | "succeeded" | "failed" | "canceled";
        /** @enum {string} */
        Overlap: "allow" | "skip";
        /** @description Problem details (RFC 9457) */
        Problem: {
            type: string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            code: components["schemas"]["ProblemCode"];
            errors?: components["schemas"]["Mistake"][];
            /** @description The job that was run, or that holds the unique key */
            job_id?: string;
            /** @description Why the job did not succeed. The code may be one of its handler */
            error?: components["schemas"]["ErrorSummary"];
        };
        /** @enum {string} */
        ProblemCode: "unauthenticated" | "authentication_throttled" | "forbidden" | "host_not_allowed" | "cross_site_request" | "quota_exceeded" | "queue_full" | "redis_full" | "invalid_request" | "route_not_found" | "method_not_allowed" | "precondition_failed" | "too_many_hops" | "unknown_job_type" | "job_not_found" | "concurrency_full" | "job_evicted" | "job_already_done" | "job_not_retryable" | "job_not_waiting" | "too_many_signals" | "unique_conflict" | "flow_not_found" | "flow_evicted" | "flow_already_done" | "flow_not_done" | "flow_not_retryable" | "results_reset" | "idempotency_key_reused" | "job_not_done" | "job_has_no_output" | "values_reset" | "job_failed" | "job_timed_out" | "job_expired" | "job_canceled" | "range_not_satisfiable" | "delivery_not_found" | "delivery_not_done" | "too_many_resends" | "schedule_not_found" | "schedule_contended" | "too_many_schedules" | "tokens_not_configured" | "operation_not_found" | "operation_already_done" | "too_many_operations" | "queue_not_found" | "worker_not_found" | "limit_not_found" | "payload_too_large" | "too_many_members" | "request_timeout" | "headers_too_large" | "unsupported_media_type" | "queue_unavailable" | "draining" | "internal_error";
        /**
         * @description A queue at one moment
         * @example {
         *       "name": "cpu",
         *       "paused": false,
         *       "workers": 2,
         *       "counts": {
         *         "scheduled": 0,
         *         "queued": 1,
         *         "held": 0,
         *         "blocked": 0,
         *         "running": 4,
         *         "succeeded": 1200,
         *         "failed": 3
         *       },
         *       "max_running": null,
         *       "rate": null,
         *       "oldest_wait_ms": 12
         *     }
         */
        Queue: {
            name: string;
            paused: boolean;
            /** @description The number of worker processes that consume the queue. With 0 its jobs wait */
            workers: number;
            counts: components["schemas"]["QueueCounts"];
            /** @description How many of its jobs may run at once over all workers */
            max_running: number | null;
            /** @description How many of its jobs may start in a period over all workers */
            rate: components["schemas"]["QueueRate"] | null;
            /** @description How long the oldest waiting job has waited */
            oldest_wait_ms: number | null;
        };
        QueueCounts: {
            scheduled: number;
            /** @description Jobs that could start */
            queued: number;
            /** @description Jobs that wait for a concurrency key, for a rate or for others of their tenant or their type: see `held_by` of a job */
            held: number;
            /** @description Jobs that wait for other jobs of their flow, or for a signal */
            blocked: number;
            running: number;
            succeeded: number;
            /** @description Jobs that failed, were canceled or expired */
            failed: number;
        };
        QueueLimits: {
            /** @description Absent or null: no limit */
            max_running?: number | null;
            /** @description Absent or null: no limit */
            rate?: components["schemas"]["QueueRate"] | null;
        };
        QueueList: {
            items: components["schemas"]["Queue"][];
        };
        QueueRate: {
            limit: number;
            per_ms: number;
        };
        QueueStats: {
            queue: string;
            succeeded: number;
            failed: number;
            canceled: number;
            expired: number;
            /** @description Jobs that started for the first time */
            started: number;
            /** @description Half of them had waited for less; within a fifth. Null: none started */
            wait_p50_ms: number | null;
            /** @description 95 of 100 of them had waited for less; within a fifth */
            wait_p95_ms: number | null;
            /** @description How many jobs ran on average */
            running: number;
        };
        Rate: {
            key: string;
            /** @description How many jobs of the key may start in the period */
            limit: number;
            /** @description The period */
            per_ms: number;
            /** @description How many of them may start at one moment. Default: 1 */
            burst?: number;
        };
        Readiness: {
            /** @enum {string} */
            status: "ready";
            /** @description What costs safety while the API can serve: how Redis is configured, a clock that differs from that of Redis, no free file descriptor */
            warnings: components["schemas"]["Warning"][];
        };
        Reason: {
            /** @description `scheduled`, `debounce`: until `at`. `retry`: after a failed attempt, until `at`. `flow`: another step of its flow comes first. `signal`: its handler waits for a signal, until `at` where that has a timeout. `children`: it waits for jobs that it has submitted. `paused`, `no_worker`, `unknown_type`, …: as `held_by` of the job. `ahead`: so many start before it; without a number, those of others do, or the fairness keys of its tenant decide at each turn. `ready`: a worker can start it now. `quarantine`: it has lost several workers, and runs alone. `running`, `cancel_requested`, `ended` */
            kind: components["schemas"]["ReasonKind"];
            /** @description The reason as a sentence */
            detail: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            since?: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            at?: string;
            key?: string | null;
            /** @description Of `unknown_type`: that of the job */
            type_version?: number | null;
            limit?: number | null;
            running?: number | null;
            /** @description Of `concurrency`, `tenant` and `type`: ids of running jobs that hold it, at most ten */
            holders?: string[];
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            eligible_at?: string | null;
            ahead?: number;
            attempt?: number;
            worker?: string | null;
            flow_id?: string;
            /** @description JSON Pointer of its step into the submission of its flow */
            path?: string;
            /** @description … of the step that comes first */
            waits_for?: string;
            error?: components["schemas"]["ErrorSummary"] | null;
            stopped?: string;
        };
        /** @enum {string} */
        ReasonKind: "scheduled" | "debounce" | "retry" | "flow" | "signal" | "children" | "paused" | "no_worker" | "unknown_type" | "concurrency" | "rate" | "tenant" | "type" | "queue" | "ahead" | "ready" | "quarantine" | "running" | "cancel_requested" | "ended";
        RedisNode: {
            version: string | null;
            /** @description What counts against the limit */
            memory_used_bytes: number | null;
            /** @description `maxmemory`; 0: there is none */
            memory_limit_bytes: number | null;
            /** @description `maxmemory-policy`; must be `noeviction` */
            eviction_policy: string | null;
            /** @description Without it a crash of Redis loses accepted jobs */
            append_only_file: boolean | null;
            /** @description The last write to it failed */
            append_only_file_failed: boolean | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            last_snapshot_at: string | null;
            clients: number | null;
            uptime_ms: number | null;
        };
        ReplayJobResult: {
            id: string;
            type: string;
            /** @description The `version` that its type declared when it was submitted: workers of a lower one leave it to others */
            type_version: number | null;
            state: components["schemas"]["State"];
            attempt: number;
            max_attempts: number;
            timeout_ms: number | null;
            /** @description Whole, with `***` for secrets */
            input: unknown;
            /** @description JSON Pointers into the input, of the secrets */
            secrets: string[];
            /** @description `job.fence` of its last start */
            fence: number;
            /** @description The last checkpoint. Null where there is none, as of a job that was canceled or has succeeded */
            restored: unknown;
            /** @description Results of steps by their names, likewise */
            steps: {
                [key: string]: unknown;
            };
            /** @description Payloads of signals by their names, likewise */
            signals: {
                [key: string]: unknown;
            };
        };
        ResizeImageInput: {
            /** Format: uri */
            url?: string;
            /** Format: byte */
            data_base64?: string;
            width?: number;
            /** @description If only one side is given, the other follows from the aspect ratio */
            height?: number;
            /** @description If both sides are given: crop, pad, stretch, or scale to fit within or around them. Default: `"cover"` */
            fit?: components["schemas"]["ResizeImageInputFit"];
            /** @description Default: `"webp"` */
            format?: components["schemas"]["ResizeImageInputFormat"];
            /** @description No effect on png, which is lossless. Default: `80` */
            quality?: number;
        };
        /** @enum {string} */
        ResizeImageInputFit: "cover" | "contain" | "fill" | "inside" | "outside";
        /** @enum {string} */
        ResizeImageInputFormat: "jpeg" | "png" | "webp" | "avif";
        ResizeImageOutput: {
            data_base64: string;
            format: components["schemas"]["ResizeImageInputFormat"];
            width: number;
            height: number;
            bytes: number;
        };
        RetryFlowBody: {
            /** @description Ids of jobs that did not succeed. Default: all of them */
            members?: string[];
        };
        /** @enum {string} */
        RunsOn: "event-loop" | "thread" | "process";
        Schedule: {
            id: string;
            cron: string | null;
            timezone: string | null;
            every_ms: number | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            start_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            end_at: string | null;
            paused: boolean;
            overlap: components["schemas"]["Overlap"];
            /** @description As the client sent it, without secrets. Its `input` is null when `input_bytes` is a number */
            job: unknown;
            /** @description The size in bytes of JSON of an input above 16,384 bytes, which is not in `job`: read it at `links.input` */
            input_bytes: number | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            next_run_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            last_run_at: string | null;
            last_job_id: string | null;
            /** @description How many runs were skipped because the job of the run before was not done, or another job held their unique key */
            skipped_runs: number;
            /** @description Why there was no room for the job of the run that is due: it is tried again until the next run is due */
            held_back: components["schemas"]["HeldBack"] | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            created_at: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            updated_at: string;
            links: components["schemas"]["ScheduleLinks"];
        };
        ScheduleBody: {
            /** @description Minute, hour, day of month, month, day of week; or six fields that start with the second */
            cron?: string;
            /** @description The time zone of the cron expression, such as `Europe/Berlin`. Default: UTC */
            timezone?: string;
            /** @description The interval between runs, from start_at or else from when the schedule was stored */
            every_ms?: number;
            /**
             * Format: date-time
             * @description No run before this time
             */
            start_at?: string;
            /**
             * Format: date-time
             * @description No run after this time
             */
            end_at?: string;
            /** @description True: no runs. Runs that fall into the pause are not made up for */
            paused?: boolean;
            /** @description `skip`: no run while the job of the last run is not done. Default: `allow` */
            overlap?: components["schemas"]["Overlap"];
            /** @description The body of `POST /v1/jobs`, without run_at and delay_ms */
            job: components["schemas"]["ScheduledJob"];
        };
        ScheduleChange: {
            /** @description True: no runs. Runs that fall into the pause are not made up for */
            paused: boolean;
        };
        ScheduleLinks: {
            self: string;
            input: string;
            last_job: string | null;
        };
        SchedulePage: {
            items: components["schemas"]["Schedule"][];
            /** @description Null on the last page */
            next_cursor: string | null;
        };
        ScheduledJob: {
            type: string;
            input: unknown;
        } & {
            [key: string]: unknown;
        };
        SleepInput: {
            duration_ms: number;
            /** @description Default: `1` */
            steps?: number;
            /** @description Counted from 0. If not below `steps`, it never fails */
            fail_at?: number;
        };
        SleepOutput: {
            /** @description The requested duration */
            slept_ms: number;
        };
        /** @enum {string} */
        State: "scheduled" | "blocked" | "queued" | "running" | "succeeded" | "failed" | "canceled" | "expired";
        Stats: {
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            from: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            to: string;
            step_ms: number;
            /** @description The steps in order of time, those without any job included */
            points: components["schemas"]["StatsPoint"][];
            /** @description Of the whole time */
            queues: components["schemas"]["QueueStats"][];
            /** @description Of the whole time, by how many jobs ended. `other`: types that a process did not know */
            types: components["schemas"]["TypeStats"][];
        };
        StatsPoint: {
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            at: string;
            succeeded: number;
            failed: number;
            canceled: number;
            expired: number;
            /** @description Jobs that started for the first time */
            started: number;
            /** @description Half of them had waited for less; within a fifth. Null: none started */
            wait_p50_ms: number | null;
            /** @description 95 of 100 of them had waited for less; within a fifth */
            wait_p95_ms: number | null;
            /** @description How many jobs ran on average */
            running: number;
        };
        /**
         * @description Burn CPU in a thread. Diagnostic. Computes for a while, or loops forever, fills its memory or throws, depending on `behavior`.
         * @example {
         *       "type": "burn-cpu",
         *       "input": {
         *         "duration_ms": 200,
         *         "steps": 4
         *       }
         *     }
         * @example {
         *       "type": "burn-cpu",
         *       "input": {
         *         "duration_ms": 200,
         *         "steps": 4
         *       },
         *       "priority": 5,
         *       "attempts": 2,
         *       "backoff": {
         *         "type": "exponential",
         *         "delay_ms": 1000,
         *         "jitter": 0.5
         *       },
         *       "timeout_ms": 30000,
         *       "start_within_ms": 60000,
         *       "deadline_ms": 120000,
         *       "tags": [
         *         "nightly"
         *       ],
         *       "metadata": {
         *         "order": "42"
         *       }
         *     }
         */
        SubmitBurnCpu: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "burn-cpu";
            input: components["schemas"]["BurnCpuInput"];
            /**
             * Format: date-time
             * @description Do not start before this time. Excludes delay_ms
             */
            run_at?: string;
            /** @description Do not start before this much time has passed. Excludes run_at */
            delay_ms?: number;
            /** @description Jobs of a higher priority start first, jobs of the same priority in order of submission. Default: 0 */
            priority?: number;
            /** @description The most attempts, the first one included */
            attempts?: number;
            /** @description The delay before the next attempt */
            backoff?: components["schemas"]["Backoff"];
            /** @description The time limit of one attempt */
            timeout_ms?: number;
            /** @description The time limit for the first start, from when the job is first due: `run_at`, or its creation and `delay_ms` */
            start_within_ms?: number;
            /** @description The time limit of the whole job, from when it is first due: `run_at`, or its creation and `delay_ms` */
            deadline_ms?: number;
            /** @description At most so many jobs of a key run at once over all workers */
            concurrency?: components["schemas"]["Concurrency"];
            /** @description At most so many jobs of a key start in a period over all workers */
            rate?: components["schemas"]["Rate"];
            /** @description Jobs of the tenant's keys take turns. The share of the tenant beside other tenants stays as it is */
            fairness_key?: string;
            tags?: string[];
            metadata?: {
                [key: string]: string;
            };
            /** @description How long the job is kept at the latest once it has ended; no longer than results of its type */
            result_ttl_ms?: number;
            /** @description Called when the job or flow is done, with a payload that is signed as specified by Standard Webhooks */
            webhook?: components["schemas"]["Webhook"];
            /** @description At most one job holds a key at a time */
            unique?: components["schemas"]["Unique"];
            /** @description Submissions of a key that come soon after each other are one job, with the newest input */
            debounce?: components["schemas"]["Debounce"];
        };
        /**
         * @description Burn CPU in a process. Diagnostic. Computes for a while, or loops forever, fills its memory, throws or aborts its process, depending on `behavior`.
         * @example {
         *       "type": "burn-cpu-isolated",
         *       "input": {
         *         "duration_ms": 200,
         *         "steps": 4
         *       }
         *     }
         * @example {
         *       "type": "burn-cpu-isolated",
         *       "input": {
         *         "behavior": "crash"
         *       }
         *     }
         * @example {
         *       "type": "burn-cpu-isolated",
         *       "input": {
         *         "duration_ms": 200,
         *         "steps": 4
         *       },
         *       "priority": 5,
         *       "attempts": 2,
         *       "backoff": {
         *         "type": "exponential",
         *         "delay_ms": 1000,
         *         "jitter": 0.5
         *       },
         *       "timeout_ms": 30000,
         *       "start_within_ms": 60000,
         *       "deadline_ms": 120000,
         *       "tags": [
         *         "nightly"
         *       ],
         *       "metadata": {
         *         "order": "42"
         *       }
         *     }
         */
        SubmitBurnCpuIsolated: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "burn-cpu-isolated";
            input: components["schemas"]["BurnCpuIsolatedInput"];
            /**
             * Format: date-time
             * @description Do not start before this time. Excludes delay_ms
             */
            run_at?: string;
            /** @description Do not start before this much time has passed. Excludes run_at */
            delay_ms?: number;
            /** @description Jobs of a higher priority start first, jobs of the same priority in order of submission. Default: 0 */
            priority?: number;
            /** @description The most attempts, the first one included */
            attempts?: number;
            /** @description The delay before the next attempt */
            backoff?: components["schemas"]["Backoff"];
            /** @description The time limit of one attempt */
            timeout_ms?: number;
            /** @description The time limit for the first start, from when the job is first due: `run_at`, or its creation and `delay_ms` */
            start_within_ms?: number;
            /** @description The time limit of the whole job, from when it is first due: `run_at`, or its creation and `delay_ms` */
            deadline_ms?: number;
            /** @description At most so many jobs of a key run at once over all workers */
            concurrency?: components["schemas"]["Concurrency"];
            /** @description At most so many jobs of a key start in a period over all workers */
            rate?: components["schemas"]["Rate"];
            /** @description Jobs of the tenant's keys take turns. The share of the tenant beside other tenants stays as it is */
            fairness_key?: string;
            tags?: string[];
            metadata?: {
                [key: string]: string;
            };
            /** @description How long the job is kept at the latest once it has ended; no longer than results of its type */
            result_ttl_ms?: number;
            /** @description Called when the job or flow is done, with a payload that is signed as specified by Standard Webhooks */
            webhook?: components["schemas"]["Webhook"];
            /** @description At most one job holds a key at a time */
            unique?: components["schemas"]["Unique"];
            /** @description Submissions of a key that come soon after each other are one job, with the newest input */
            debounce?: components["schemas"]["Debounce"];
        };
        /**
         * @description Count the primes below a limit. Counts the primes smaller than `limit` and names the largest of them. A prime limit does not count itself.
         * @example {
         *       "type": "count-primes",
         *       "input": {
         *         "limit": 100
         *       }
         *     }
         * @example {
         *       "type": "count-primes",
         *       "input": {
         *         "limit": 100
         *       },
         *       "priority": 5,
         *       "attempts": 2,
         *       "backoff": {
         *         "type": "exponential",
         *         "delay_ms": 1000,
         *         "jitter": 0.5
         *       },
         *       "timeout_ms": 30000,
         *       "start_within_ms": 60000,
         *       "deadline_ms": 120000,
         *       "tags": [
         *         "nightly"
         *       ],
         *       "metadata": {
         *         "order": "42"
         *       }
         *     }
         */
        SubmitCountPrimes: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "count-primes";
            input: components["schemas"]["CountPrimesInput"];
            /**
             * Format: date-time
             * @description Do not start before this time. Excludes delay_ms
             */
            run_at?: string;
            /** @description Do not start before this much time has passed. Excludes run_at */
            delay_ms?: number;
            /** @description Jobs of a higher priority start first, jobs of the same priority in order of submission. Default: 0 */
            priority?: number;
            /** @description The most attempts, the first one included */
            attempts?: number;
            /** @description The delay before the next attempt */
            backoff?: components["schemas"]["Backoff"];
            /** @description The time limit of one attempt */
            timeout_ms?: number;
            /** @description The time limit for the first start, from when the job is first due: `run_at`, or its creation and `delay_ms` */
            start_within_ms?: number;
            /** @description The time limit of the whole job, from when it is first due: `run_at`, or its creation and `delay_ms` */
            deadline_ms?: number;
            /** @description At most so many jobs of a key run at once over all workers */
            concurrency?: components["schemas"]["Concurrency"];
            /** @description At most so many jobs of a key start in a period over all workers */
            rate?: components["schemas"]["Rate"];
            /** @description Jobs of the tenant's keys take turns. The share of the tenant beside other tenants stays as it is */
            fairness_key?: string;
            tags?: string[];
            metadata?: {
                [key: string]: string;
            };
            /** @description How long the job is kept at the latest once it has ended; no longer than results of its type */
            result_ttl_ms?: number;
            /** @description Called when the job or flow is done, with a payload that is signed as specified by Standard Webhooks */
            webhook?: components["schemas"]["Webhook"];
            /** @description At most one job holds a key at a time */
            unique?: components["schemas"]["Unique"];
            /** @description Submissions of a key that come soon after each other are one job, with the newest input */
            debounce?: components["schemas"]["Debounce"];
        };
        /**
         * @description Return the input. Diagnostic. Takes any JSON and returns the same.
         * @example {
         *       "type": "echo",
         *       "input": {
         *         "hello": [
         *           "world",
         *           1,
         *           null
         *         ]
         *       }
         *     }
         * @example {
         *       "type": "echo",
         *       "input": {
         *         "hello": [
         *           "world",
         *           1,
         *           null
         *         ]
         *       },
         *       "priority": 5,
         *       "attempts": 2,
         *       "backoff": {
         *         "type": "exponential",
         *         "delay_ms": 1000,
         *         "jitter": 0.5
         *       },
         *       "timeout_ms": 30000,
         *       "start_within_ms": 60000,
         *       "deadline_ms": 120000,
         *       "tags": [
         *         "nightly"
         *       ],
         *       "metadata": {
         *         "order": "42"
         *       }
         *     }
         */
        SubmitEcho: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "echo";
            input: unknown;
            /**
             * Format: date-time
             * @description Do not start before this time. Excludes delay_ms
             */
            run_at?: string;
            /** @description Do not start before this much time has passed. Excludes run_at */
            delay_ms?: number;
            /** @description Jobs of a higher priority start first, jobs of the same priority in order of submission. Default: 0 */
            priority?: number;
            /** @description The most attempts, the first one included */
            attempts?: number;
            /** @description The delay before the next attempt */
            backoff?: components["schemas"]["Backoff"];
            /** @description The time limit of one attempt */
            timeout_ms?: number;
            /** @description The time limit for the first start, from when the job is first due: `run_at`, or its creation and `delay_ms` */
            start_within_ms?: number;
            /** @description The time limit of the whole job, from when it is first due: `run_at`, or its creation and `delay_ms` */
            deadline_ms?: number;
            /** @description At most so many jobs of a key run at once over all workers */
            concurrency?: components["schemas"]["Concurrency"];
            /** @description At most so many jobs of a key start in a period over all workers */
            rate?: components["schemas"]["Rate"];
            /** @description Jobs of the tenant's keys take turns. The share of the tenant beside other tenants stays as it is */
            fairness_key?: string;
            tags?: string[];
            metadata?: {
                [key: string]: string;
            };
            /** @description How long the job is kept at the latest once it has ended; no longer than results of its type */
            result_ttl_ms?: number;
            /** @description Called when the job or flow is done, with a payload that is signed as specified by Standard Webhooks */
            webhook?: components["schemas"]["Webhook"];
            /** @description At most one job holds a key at a time */
            unique?: components["schemas"]["Unique"];
            /** @description Submissions of a key that come soon after each other are one job, with the newest input */
            debounce?: components["schemas"]["Debounce"];
        };
        /**
         * @description List the links of web pages. Fetches each URL and lists the hyperlinks of its HTML. Yields each page as it finishes; the output lists them in the order of `urls`. A page that cannot be read has an `error` and does not fail the job. Limits per page: 30 s and 5 MiB.
         * @example {
         *       "type": "extract-links",
         *       "input": {
         *         "urls": [
         *           "https://example.com/"
         *         ]
         *       }
         *     }
         * @example {
         *       "type": "extract-links",
         *       "input": {
         *         "urls": [
         *           "https://example.com/"
         *         ]
         *       },
         *       "priority": 5,
         *       "attempts": 2,
         *       "backoff": {
         *         "type": "exponential",
         *         "delay_ms": 1000,
         *         "jitter": 0.5
         *       },
         *       "timeout_ms": 30000,
         *       "start_within_ms": 60000,
         *       "deadline_ms": 120000,
         *       "tags": [
         *         "nightly"
         *       ],
         *       "metadata": {
         *         "order": "42"
         *       }
         *     }
         */
        SubmitExtractLinks: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "extract-links";
            input: components["schemas"]["ExtractLinksInput"];
            /**
             * Format: date-time
             * @description Do not start before this time. Excludes delay_ms
             */
            run_at?: string;
            /** @description Do not start before this much time has passed. Excludes run_at */
            delay_ms?: number;
            /** @description Jobs of a higher priority start first, jobs of the same priority in order of submission. Default: 0 */
            priority?: number;
            /** @description The most attempts, the first one included */
            attempts?: number;
            /** @description The delay before the next attempt */
            backoff?: components["schemas"]["Backoff"];
            /** @description The time limit of one attempt */
            timeout_ms?: number;
            /** @description The time limit for the first start, from when the job is first due: `run_at`, or its creation and `delay_ms` */
            start_within_ms?: number;
            /** @description The time limit of the whole job, from when it is first due: `run_at`, or its creation and `delay_ms` */
            deadline_ms?: number;
            /** @description At most so many jobs of a key run at once over all workers */
            concurrency?: components["schemas"]["Concurrency"];
            /** @description At most so many jobs of a key start in a period over all workers */
            rate?: components["schemas"]["Rate"];
            /** @description Jobs of the tenant's keys take turns. The share of the tenant beside other tenants stays as it is */
            fairness_key?: string;
            tags?: string[];
            metadata?: {
                [key: string]: string;
            };
            /** @description How long the job is kept at the latest once it has ended; no longer than results of its type */
            result_ttl_ms?: number;
            /** @description Called when the job or flow is done, with a payload that is signed as specified by Standard Webhooks */
            webhook?: components["schemas"]["Webhook"];
            /** @description At most one job holds a key at a time */
            unique?: components["schemas"]["Unique"];
            /** @description Submissions of a key that come soon after each other are one job, with the newest input */
            debounce?: components["schemas"]["Debounce"];
        };
        /**
         * @description Send an HTTP request. Sends one HTTP request and returns the response; follows at most 10 redirects. 5xx, 429 and network errors are retried, after Retry-After if the response has one; other unexpected statuses are permanent. Bodies over 5 MiB are refused. Private addresses are refused unless the operator allows them.
         * @example {
         *       "type": "http-request",
         *       "input": {
         *         "url": "https://example.com/"
         *       }
         *     }
         * @example {
         *       "type": "http-request",
         *       "input": {
         *         "url": "https://example.com/orders",
         *         "method": "POST",
         *         "body": {
         *           "order": 42
         *         },
         *         "expect_status": [
         *           200,
         *           201
         *         ]
         *       }
         *     }
         * @example {
         *       "type": "http-request",
         *       "input": {
         *         "url": "https://example.com/"
         *       },
         *       "priority": 5,
         *       "attempts": 2,
         *       "backoff": {
         *         "type": "exponential",
         *         "delay_ms": 1000,
         *         "jitter": 0.5
         *       },
         *       "timeout_ms": 30000,
         *       "start_within_ms": 60000,
         *       "deadline_ms": 120000,
         *       "tags": [
         *         "nightly"
         *       ],
         *       "metadata": {
         *         "order": "42"
         *       }
         *     }
         */
        SubmitHttpRequest: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "http-request";
            input: components["schemas"]["HttpRequestInput"];
            /**
             * Format: date-time
             * @description Do not start before this time. Excludes delay_ms
             */
            run_at?: string;
            /** @description Do not start before this much time has passed. Excludes run_at */
            delay_ms?: number;
            /** @description Jobs of a higher priority start first, jobs of the same priority in order of submission. Default: 0 */
            priority?: number;
            /** @description The most attempts, the first one included */
            attempts?: number;
            /** @description The delay before the next attempt */
            backoff?: components["schemas"]["Backoff"];
            /** @description The time limit of one attempt */
            timeout_ms?: number;
            /** @description The time limit for the first start, from when the job is first due: `run_at`, or its creation and `delay_ms` */
            start_within_ms?: number;
            /** @description The time limit of the whole job, from when it is first due: `run_at`, or its creation and `delay_ms` */
            deadline_ms?: number;
            /** @description At most so many jobs of a key run at once over all workers */
            concurrency?: components["schemas"]["Concurrency"];
            /** @description At most so many jobs of a key start in a period over all workers */
            rate?: components["schemas"]["Rate"];
            /** @description Jobs of the tenant's keys take turns. The share of the tenant beside other tenants stays as it is */
            fairness_key?: string;
            tags?: string[];
            metadata?: {
                [key: string]: string;
            };
            /** @description How long the job is kept at the latest once it has ended; no longer than results of its type */
            result_ttl_ms?: number;
            /** @description Called when the job or flow is done, with a payload that is signed as specified by Standard Webhooks */
            webhook?: components["schemas"]["Webhook"];
            /** @description At most one job holds a key at a time */
            unique?: components["schemas"]["Unique"];
            /** @description Submissions of a key that come soon after each other are one job, with the newest input */
            debounce?: components["schemas"]["Debounce"];
        };
        /**
         * @description Resize an image. Resizes a JPEG, PNG, WebP, AVIF, GIF (its first frame) or TIFF image, rotates it as its EXIF orientation says, and encodes it without metadata. At most 20 MiB, and 50 megapixels before and after. Transparency becomes white if the format has none.
         * @example {
         *       "type": "resize-image",
         *       "input": {
         *         "url": "https://example.com/cat.jpg",
         *         "width": 320,
         *         "format": "webp"
         *       }
         *     }
         * @example {
         *       "type": "resize-image",
         *       "input": {
         *         "url": "https://example.com/cat.jpg",
         *         "width": 320,
         *         "format": "webp"
         *       },
         *       "priority": 5,
         *       "attempts": 2,
         *       "backoff": {
         *         "type": "exponential",
         *         "delay_ms": 1000,
         *         "jitter": 0.5
         *       },
         *       "timeout_ms": 30000,
         *       "start_within_ms": 60000,
         *       "deadline_ms": 120000,
         *       "tags": [
         *         "nightly"
         *       ],
         *       "metadata": {
         *         "order": "42"
         *       }
         *     }
         */
        SubmitResizeImage: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "resize-image";
            input: components["schemas"]["ResizeImageInput"];
            /**
             * Format: date-time
             * @description Do not start before this time. Excludes delay_ms
             */
            run_at?: string;
            /** @description Do not start before this much time has passed. Excludes run_at */
            delay_ms?: number;
            /** @description Jobs of a higher priority start first, jobs of the same priority in order of submission. Default: 0 */
            priority?: number;
            /** @description The most attempts, the first one included */
            attempts?: number;
            /** @description The delay before the next attempt */
            backoff?: components["schemas"]["Backoff"];
            /** @description The time limit of one attempt */
            timeout_ms?: number;
            /** @description The time limit for the first start, from when the job is first due: `run_at`, or its creation and `delay_ms` */
            start_within_ms?: number;
            /** @description The time limit of the whole job, from when it is first due: `run_at`, or its creation and `delay_ms` */
            deadline_ms?: number;
            /** @description At most so many jobs of a key run at once over all workers */
            concurrency?: components["schemas"]["Concurrency"];
            /** @description At most so many jobs of a key start in a period over all workers */
            rate?: components["schemas"]["Rate"];
            /** @description Jobs of the tenant's keys take turns. The share of the tenant beside other tenants stays as it is */
            fairness_key?: string;
            tags?: string[];
            metadata?: {
                [key: string]: string;
            };
            /** @description How long the job is kept at the latest once it has ended; no longer than results of its type */
            result_ttl_ms?: number;
            /** @description Called when the job or flow is done, with a payload that is signed as specified by Standard Webhooks */
            webhook?: components["schemas"]["Webhook"];
            /** @description At most one job holds a key at a time */
            unique?: components["schemas"]["Unique"];
            /** @description Submissions of a key that come soon after each other are one job, with the newest input */
            debounce?: components["schemas"]["Debounce"];
        };
        /**
         * @description Wait for a while. Diagnostic. Waits in equal steps, with a progress event after each. `fail_at` makes it throw at the start of a step.
         * @example {
         *       "type": "sleep",
         *       "input": {
         *         "duration_ms": 1000,
         *         "steps": 4
         *       }
         *     }
         * @example {
         *       "type": "sleep",
         *       "input": {
         *         "duration_ms": 1000,
         *         "steps": 4,
         *         "fail_at": 2
         *       }
         *     }
         * @example {
         *       "type": "sleep",
         *       "input": {
         *         "duration_ms": 1000,
         *         "steps": 4
         *       },
         *       "priority": 5,
         *       "attempts": 2,
         *       "backoff": {
         *         "type": "exponential",
         *         "delay_ms": 1000,
         *         "jitter": 0.5
         *       },
         *       "timeout_ms": 30000,
         *       "start_within_ms": 60000,
         *       "deadline_ms": 120000,
         *       "tags": [
         *         "nightly"
         *       ],
         *       "metadata": {
         *         "order": "42"
         *       }
         *     }
         */
        SubmitSleep: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "sleep";
            input: components["schemas"]["SleepInput"];
            /**
             * Format: date-time
             * @description Do not start before this time. Excludes delay_ms
             */
            run_at?: string;
            /** @description Do not start before this much time has passed. Excludes run_at */
            delay_ms?: number;
            /** @description Jobs of a higher priority start first, jobs of the same priority in order of submission. Default: 0 */
            priority?: number;
            /** @description The most attempts, the first one included */
            attempts?: number;
            /** @description The delay before the next attempt */
            backoff?: components["schemas"]["Backoff"];
            /** @description The time limit of one attempt */
            timeout_ms?: number;
            /** @description The time limit for the first start, from when the job is first due: `run_at`, or its creation and `delay_ms` */
            start_within_ms?: number;
            /** @description The time limit of the whole job, from when it is first due: `run_at`, or its creation and `delay_ms` */
            deadline_ms?: number;
            /** @description At most so many jobs of a key run at once over all workers */
            concurrency?: components["schemas"]["Concurrency"];
            /** @description At most so many jobs of a key start in a period over all workers */
            rate?: components["schemas"]["Rate"];
            /** @description Jobs of the tenant's keys take turns. The share of the tenant beside other tenants stays as it is */
            fairness_key?: string;
            tags?: string[];
            metadata?: {
                [key: string]: string;
            };
            /** @description How long the job is kept at the latest once it has ended; no longer than results of its type */
            result_ttl_ms?: number;
            /** @description Called when the job or flow is done, with a payload that is signed as specified by Standard Webhooks */
            webhook?: components["schemas"]["Webhook"];
            /** @description At most one job holds a key at a time */
            unique?: components["schemas"]["Unique"];
            /** @description Submissions of a key that come soon after each other are one job, with the newest input */
            debounce?: components["schemas"]["Debounce"];
        };
        SystemClock: {
            /**
             * Format: date-time
             * @description By the clock of Redis, which all times of jobs come from
             */
            now: string;
            /** @description How far the clock of this machine is ahead of that */
            skew_ms: number;
        };
        SystemQueue: {
            name: string;
            workers: number;
            paused: boolean;
            queued: number;
        };
        SystemRedis: {
            cluster: boolean;
            /** @description The server, or each master of a cluster that answers. Null is what Redis does not say */
            nodes: components["schemas"]["RedisNode"][];
        };
        /** @enum {string} */
        TreeDetail: "full" | "none";
        TypeStats: {
            queue: string;
            type: string;
            succeeded: number;
            failed: number;
            canceled: number;
            expired: number;
            /** @description Jobs that started for the first time */
            started: number;
            /** @description Half of them had waited for less; within a fifth. Null: none started */
            wait_p50_ms: number | null;
            /** @description 95 of 100 of them had waited for less; within a fifth */
            wait_p95_ms: number | null;
            /** @description How many jobs ran on average */
            running: number;
        };
        Unique: {
            /** @description Of the tenant and the queue */
            key: string;
            /** @description Until when the job holds its key. Default: `ended`. Excludes for_ms */
            until?: components["schemas"]["UniqueUntil"];
            /** @description For how long the job holds its key, also after its end. Excludes until */
            for_ms?: number;
            /** @description `existing`: 200 with the job that holds the key (default). `reject`: 409 `unique_conflict`. `replace`: that job is canceled, and this one takes its place; needs the scope `cancel` */
            on_conflict?: components["schemas"]["OnConflict"];
        };
        /** @enum {string} */
        UniqueUntil: "started" | "ended";
        ValuePage: {
            items: unknown[];
            /** @description Null on the last page */
            next_cursor: string | null;
        };
        Warning: {
            code: string;
            detail: string;
        };
        WatchToken: {
            token: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            expires_at: string;
        };
        Webhook: {
            /** Format: uri */
            url: string;
            /** @description The final states to be notified of. Default: all four */
            events?: components["schemas"]["WebhookEvent"][];
        };
        /** @enum {string} */
        WebhookEvent: "succeeded" | "failed" | "canceled" | "expired";
        Worker: {
            /** @description Of this process: another when it starts again */
            id: string;
            /** @description As `worker` of jobs has it; workers with one `WORKER_NAME` share it */
            name: string;
            /** @description Null, as what follows from a report: the worker has made none yet */
            version: string | null;
            /** @description Version of Node.js */
            node: string | null;
            /** @description It takes no more jobs */
            draining: boolean;
            /** @description Running jobs for each that it could run: 0 to 1 */
            load: number | null;
            running: number | null;
            queues: components["schemas"]["WorkerQueue"][];
            /** @description Up to 20 of the jobs that it runs, as it last reported them: every two seconds at most */
            jobs: components["schemas"]["WorkerJob"][];
            memory_bytes: number | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            started_at: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            last_heartbeat_at: string;
        };
        WorkerJob: {
            id: string;
            type: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, with milliseconds
             */
            started_at: string;
        };
        WorkerList: {
            items: components["schemas"]["Worker"][];
        };
        WorkerQueue: {
            name: string;
            /** @description How many jobs of the queue it runs at the same time */
            concurrency: number | null;
            running: number | null;
        };
        WorkerVersion: {
            version: string | null;
            workers: number;
        };
    };
    responses: {
        /** @description `too_many_hops`, `invalid_request` */
        TooManyHopsOrInvalidRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `unauthenticated` */
        Unauthenticated: {
            headers: {
                /** @description `Bearer` */
                "www-authenticate"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `forbidden`, `host_not_allowed`, `cross_site_request` */
        ForbiddenOrHostNotAllowedOrCrossSiteRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `unknown_job_type`, `job_not_found` */
        UnknownJobTypeOrJobNotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `request_timeout` */
        RequestTimeout: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `unique_conflict`, `concurrency_full` */
        UniqueConflictOrConcurrencyFull: {
            headers: {
                /** @description The job that holds the unique key */
                location?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `job_evicted` */
        JobEvicted: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `payload_too_large`, `too_many_members` */
        PayloadTooLargeOrTooManyMembers: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `unsupported_media_type` */
        UnsupportedMediaType: {
            headers: {
                /** @description `identity`: the body was compressed, which is not supported */
                "accept-encoding"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `idempotency_key_reused` */
        IdempotencyKeyReused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `authentication_throttled`, `quota_exceeded` */
        AuthenticationThrottledOrQuotaExceeded: {
            headers: {
                /** @description Seconds to wait before the next try */
                "retry-after"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `headers_too_large` */
        HeadersTooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `internal_error` */
        InternalError: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `queue_full`, `redis_full`, `queue_unavailable` */
        QueueFullOrRedisFullOrQueueUnavailable: {
            headers: {
                /** @description Seconds to wait before the next try */
                "retry-after"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `invalid_request` */
        InvalidRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `queue_unavailable` */
        QueueUnavailable: {
            headers: {
                /** @description Seconds to wait before the next try */
                "retry-after"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `concurrency_full`, `unique_conflict`, `job_canceled` */
        ConcurrencyFullOrUniqueConflictOrJobCanceled: {
            headers: {
                /** @description Where the job can be read */
                location?: string;
                /** @description `wait=N`: N is the limit of the wait in seconds */
                "preference-applied"?: string;
                /** @description `true`: the key was used before, and this is its job */
                "idempotent-replayed"?: string;
                /** @description `queue`, `run` and `total` of the job in ms */
                "server-timing"?: string;
                /** @description `joined`: another job held the key of `unique`, and this is its end. `replaced`: the job replaced another */
                deduplicated?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `idempotency_key_reused`, `job_failed`, `job_timed_out`, `job_expired` */
        IdempotencyKeyReusedOrJobFailedOrJobTimedOutOrJobExpired: {
            headers: {
                /** @description Where the job can be read */
                location?: string;
                /** @description `wait=N`: N is the limit of the wait in seconds */
                "preference-applied"?: string;
                /** @description `true`: the key was used before, and this is its job */
                "idempotent-replayed"?: string;
                /** @description `queue`, `run` and `total` of the job in ms */
                "server-timing"?: string;
                /** @description `joined`: another job held the key of `unique`, and this is its end. `replaced`: the job replaced another */
                deduplicated?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `job_not_found` */
        JobNotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `job_not_waiting` */
        JobNotWaiting: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `job_not_done` */
        JobNotDone: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `job_already_done`, `too_many_signals` */
        JobAlreadyDoneOrTooManySignals: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `job_already_done` */
        JobAlreadyDone: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `job_not_retryable`, `unique_conflict` */
        JobNotRetryableOrUniqueConflict: {
            headers: {
                /** @description The job that holds the unique key */
                location?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `range_not_satisfiable` */
        RangeNotSatisfiable: {
            headers: {
                /** @description `bytes *\/size` */
                "content-range"?: string;
                /** @description `bytes` */
                "accept-ranges"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `job_not_done`, `job_has_no_output` */
        JobNotDoneOrJobHasNoOutput: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `values_reset` */
        ValuesReset: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `unknown_job_type`, `flow_not_found` */
        UnknownJobTypeOrFlowNotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `flow_evicted` */
        FlowEvicted: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `flow_not_found` */
        FlowNotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `flow_not_done` */
        FlowNotDone: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `results_reset` */
        ResultsReset: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `flow_already_done` */
        FlowAlreadyDone: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `flow_not_retryable` */
        FlowNotRetryable: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `tokens_not_configured` */
        TokensNotConfigured: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `too_many_operations` */
        TooManyOperations: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `operation_not_found` */
        OperationNotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `operation_already_done` */
        OperationAlreadyDone: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `unknown_job_type` */
        UnknownJobType: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `schedule_contended`, `too_many_schedules` */
        ScheduleContendedOrTooManySchedules: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `precondition_failed` */
        PreconditionFailed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `schedule_not_found` */
        ScheduleNotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `schedule_contended` */
        ScheduleContended: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `schedule_not_found`, `job_not_found` */
        ScheduleNotFoundOrJobNotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `job_not_found`, `delivery_not_found` */
        JobNotFoundOrDeliveryNotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `delivery_not_done`, `too_many_resends` */
        DeliveryNotDoneOrTooManyResends: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `flow_not_found`, `delivery_not_found` */
        FlowNotFoundOrDeliveryNotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `queue_not_found`, `limit_not_found` */
        QueueNotFoundOrLimitNotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `queue_not_found` */
        QueueNotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `worker_not_found` */
        WorkerNotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `queue_unavailable`, `draining` */
        QueueUnavailableOrDraining: {
            headers: {
                /** @description Seconds to wait before the next try */
                "retry-after"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listJobs: {
        parameters: {
            query?: {
                state?: components["schemas"]["State"];
                type?: string;
                queue?: string;
                tag?: string;
                /** @description Only jobs that the handler of the job with this id has submitted */
                parent?: string;
                /** @description Only jobs that ended with this `error.code` */
                error_code?: string;
                /** @description Only jobs that failed with this fingerprint of `GET /v1/failures` */
                fingerprint?: string;
                /** @description Only what was created after this time */
                created_after?: string;
                /** @description Only what was created before this time */
                created_before?: string;
                /** @description Whose items: another tenant's with the scope `admin` only. Default: the tenant of the key */
                tenant?: string;
                /** @description 1 to 200 */
                limit?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    /** @description `rel="next"`: the next page. Absent on the last page */
                    link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobPage"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    submitJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description `wait=N`: answer when the job is done, after N seconds at the latest. N is capped at 50. `return=minimal`: answer with `id`, `state` and `links` alone, after a wait with the output alone */
                prefer?: string;
                /** @description Requests with the same key and body are stored as one job, however often they are sent */
                "idempotency-key"?: string;
                /** @description W3C Trace Context; stored with each job */
                traceparent?: string;
                /** @description Set by requests of jobs and by webhooks. More than 10: 400 `too_many_hops` */
                "drover-hops"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobSubmission"];
            };
        };
        responses: {
            /** @description With `Prefer: wait`: the finished job. With `Deduplicated`: the job that stands for the submission */
            200: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds; `return=minimal`: the answer is short */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    /** @description `joined`: another job holds the key of `unique`, and this is that job. `replaced`: this job took the place of another, or a debounced job took over this submission */
                    deduplicated?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description The job was accepted */
            202: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds; `return=minimal`: the answer is short */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description `199`: the queue is paused, or no worker consumes it at the moment */
                    warning?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["TooManyHopsOrInvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["UnknownJobTypeOrJobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["UniqueConflictOrConcurrencyFull"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReused"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    submitBatch: {
        parameters: {
            query?: never;
            header?: {
                /** @description `return=representation`: answer with whole jobs; `return=minimal`: with `id`, `state` and `links` of each, which is the default. A batch does not wait */
                prefer?: string;
                /** @description Requests with the same key and body are stored as one job, however often they are sent */
                "idempotency-key"?: string;
                /** @description W3C Trace Context; stored with each job */
                traceparent?: string;
                /** @description Set by requests of jobs and by webhooks. More than 10: 400 `too_many_hops` */
                "drover-hops"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobBatch"];
            };
        };
        responses: {
            /** @description A result for each job, in the order given */
            200: {
                headers: {
                    /** @description `true`: the key was used before, and these are its jobs */
                    "idempotent-replayed"?: string;
                    /** @description `return=representation`: whole jobs; `return=minimal`: as without the preference, `id`, `state` and `links` of each */
                    "preference-applied"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchResult"];
                };
            };
            400: components["responses"]["TooManyHopsOrInvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReused"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    runCountPrimes: {
        parameters: {
            query?: {
                /** @description Jobs of a higher priority start first. Default: 0 */
                priority?: number;
                /** @description The most attempts, the first one included */
                attempts?: number;
                /** @description The time limit of one attempt */
                timeout_ms?: number;
                /** @description The time limit of the whole job */
                deadline_ms?: number;
                /** @description Do not start before this much time has passed */
                delay_ms?: number;
                /** @description A tag of the job */
                tag?: string;
                /** @description How many seconds to wait for the end, 50 at most. Default: `Prefer: wait`, else 25 */
                wait?: number;
            };
            header?: {
                /** @description `wait=N`: answer when the job is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
                /** @description Requests with the same key and body are stored as one job, however often they are sent */
                "idempotency-key"?: string;
                /** @description W3C Trace Context; stored with each job */
                traceparent?: string;
                /** @description Set by requests of jobs and by webhooks. More than 10: 400 `too_many_hops` */
                "drover-hops"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CountPrimesInput"];
            };
        };
        responses: {
            /** @description The output of the job */
            200: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    /** @description `joined`: another job holds the key of `unique`, and this is that job. `replaced`: this job took the place of another, or a debounced job took over this submission */
                    deduplicated?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CountPrimesOutput"];
                };
            };
            /** @description The job was not done when the wait ended */
            202: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description `199`: the queue is paused, or no worker consumes it at the moment */
                    warning?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["TooManyHopsOrInvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["UnknownJobTypeOrJobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["ConcurrencyFullOrUniqueConflictOrJobCanceled"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReusedOrJobFailedOrJobTimedOutOrJobExpired"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    runExtractLinks: {
        parameters: {
            query?: {
                /** @description Jobs of a higher priority start first. Default: 0 */
                priority?: number;
                /** @description The most attempts, the first one included */
                attempts?: number;
                /** @description The time limit of one attempt */
                timeout_ms?: number;
                /** @description The time limit of the whole job */
                deadline_ms?: number;
                /** @description Do not start before this much time has passed */
                delay_ms?: number;
                /** @description A tag of the job */
                tag?: string;
                /** @description How many seconds to wait for the end, 50 at most. Default: `Prefer: wait`, else 25 */
                wait?: number;
            };
            header?: {
                /** @description `wait=N`: answer when the job is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
                /** @description Requests with the same key and body are stored as one job, however often they are sent */
                "idempotency-key"?: string;
                /** @description W3C Trace Context; stored with each job */
                traceparent?: string;
                /** @description Set by requests of jobs and by webhooks. More than 10: 400 `too_many_hops` */
                "drover-hops"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExtractLinksInput"];
            };
        };
        responses: {
            /** @description The output of the job */
            200: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    /** @description `joined`: another job holds the key of `unique`, and this is that job. `replaced`: this job took the place of another, or a debounced job took over this submission */
                    deduplicated?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExtractLinksOutput"];
                };
            };
            /** @description The job was not done when the wait ended */
            202: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description `199`: the queue is paused, or no worker consumes it at the moment */
                    warning?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["TooManyHopsOrInvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["UnknownJobTypeOrJobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["ConcurrencyFullOrUniqueConflictOrJobCanceled"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReusedOrJobFailedOrJobTimedOutOrJobExpired"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    runHttpRequest: {
        parameters: {
            query?: {
                /** @description Jobs of a higher priority start first. Default: 0 */
                priority?: number;
                /** @description The most attempts, the first one included */
                attempts?: number;
                /** @description The time limit of one attempt */
                timeout_ms?: number;
                /** @description The time limit of the whole job */
                deadline_ms?: number;
                /** @description Do not start before this much time has passed */
                delay_ms?: number;
                /** @description A tag of the job */
                tag?: string;
                /** @description How many seconds to wait for the end, 50 at most. Default: `Prefer: wait`, else 25 */
                wait?: number;
            };
            header?: {
                /** @description `wait=N`: answer when the job is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
                /** @description Requests with the same key and body are stored as one job, however often they are sent */
                "idempotency-key"?: string;
                /** @description W3C Trace Context; stored with each job */
                traceparent?: string;
                /** @description Set by requests of jobs and by webhooks. More than 10: 400 `too_many_hops` */
                "drover-hops"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HttpRequestInput"];
            };
        };
        responses: {
            /** @description The output of the job */
            200: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    /** @description `joined`: another job holds the key of `unique`, and this is that job. `replaced`: this job took the place of another, or a debounced job took over this submission */
                    deduplicated?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HttpRequestOutput"];
                };
            };
            /** @description The job was not done when the wait ended */
            202: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description `199`: the queue is paused, or no worker consumes it at the moment */
                    warning?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["TooManyHopsOrInvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["UnknownJobTypeOrJobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["ConcurrencyFullOrUniqueConflictOrJobCanceled"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReusedOrJobFailedOrJobTimedOutOrJobExpired"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    runResizeImage: {
        parameters: {
            query?: {
                /** @description Jobs of a higher priority start first. Default: 0 */
                priority?: number;
                /** @description The most attempts, the first one included */
                attempts?: number;
                /** @description The time limit of one attempt */
                timeout_ms?: number;
                /** @description The time limit of the whole job */
                deadline_ms?: number;
                /** @description Do not start before this much time has passed */
                delay_ms?: number;
                /** @description A tag of the job */
                tag?: string;
                /** @description How many seconds to wait for the end, 50 at most. Default: `Prefer: wait`, else 25 */
                wait?: number;
            };
            header?: {
                /** @description `wait=N`: answer when the job is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
                /** @description Requests with the same key and body are stored as one job, however often they are sent */
                "idempotency-key"?: string;
                /** @description W3C Trace Context; stored with each job */
                traceparent?: string;
                /** @description Set by requests of jobs and by webhooks. More than 10: 400 `too_many_hops` */
                "drover-hops"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResizeImageInput"];
            };
        };
        responses: {
            /** @description The output of the job */
            200: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    /** @description `joined`: another job holds the key of `unique`, and this is that job. `replaced`: this job took the place of another, or a debounced job took over this submission */
                    deduplicated?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResizeImageOutput"];
                };
            };
            /** @description The job was not done when the wait ended */
            202: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description `199`: the queue is paused, or no worker consumes it at the moment */
                    warning?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["TooManyHopsOrInvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["UnknownJobTypeOrJobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["ConcurrencyFullOrUniqueConflictOrJobCanceled"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReusedOrJobFailedOrJobTimedOutOrJobExpired"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    runBurnCpuIsolated: {
        parameters: {
            query?: {
                /** @description Jobs of a higher priority start first. Default: 0 */
                priority?: number;
                /** @description The most attempts, the first one included */
                attempts?: number;
                /** @description The time limit of one attempt */
                timeout_ms?: number;
                /** @description The time limit of the whole job */
                deadline_ms?: number;
                /** @description Do not start before this much time has passed */
                delay_ms?: number;
                /** @description A tag of the job */
                tag?: string;
                /** @description How many seconds to wait for the end, 50 at most. Default: `Prefer: wait`, else 25 */
                wait?: number;
            };
            header?: {
                /** @description `wait=N`: answer when the job is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
                /** @description Requests with the same key and body are stored as one job, however often they are sent */
                "idempotency-key"?: string;
                /** @description W3C Trace Context; stored with each job */
                traceparent?: string;
                /** @description Set by requests of jobs and by webhooks. More than 10: 400 `too_many_hops` */
                "drover-hops"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BurnCpuIsolatedInput"];
            };
        };
        responses: {
            /** @description The output of the job */
            200: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    /** @description `joined`: another job holds the key of `unique`, and this is that job. `replaced`: this job took the place of another, or a debounced job took over this submission */
                    deduplicated?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BurnCpuIsolatedOutput"];
                };
            };
            /** @description The job was not done when the wait ended */
            202: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description `199`: the queue is paused, or no worker consumes it at the moment */
                    warning?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["TooManyHopsOrInvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["UnknownJobTypeOrJobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["ConcurrencyFullOrUniqueConflictOrJobCanceled"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReusedOrJobFailedOrJobTimedOutOrJobExpired"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    runBurnCpu: {
        parameters: {
            query?: {
                /** @description Jobs of a higher priority start first. Default: 0 */
                priority?: number;
                /** @description The most attempts, the first one included */
                attempts?: number;
                /** @description The time limit of one attempt */
                timeout_ms?: number;
                /** @description The time limit of the whole job */
                deadline_ms?: number;
                /** @description Do not start before this much time has passed */
                delay_ms?: number;
                /** @description A tag of the job */
                tag?: string;
                /** @description How many seconds to wait for the end, 50 at most. Default: `Prefer: wait`, else 25 */
                wait?: number;
            };
            header?: {
                /** @description `wait=N`: answer when the job is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
                /** @description Requests with the same key and body are stored as one job, however often they are sent */
                "idempotency-key"?: string;
                /** @description W3C Trace Context; stored with each job */
                traceparent?: string;
                /** @description Set by requests of jobs and by webhooks. More than 10: 400 `too_many_hops` */
                "drover-hops"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BurnCpuInput"];
            };
        };
        responses: {
            /** @description The output of the job */
            200: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    /** @description `joined`: another job holds the key of `unique`, and this is that job. `replaced`: this job took the place of another, or a debounced job took over this submission */
                    deduplicated?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BurnCpuOutput"];
                };
            };
            /** @description The job was not done when the wait ended */
            202: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description `199`: the queue is paused, or no worker consumes it at the moment */
                    warning?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["TooManyHopsOrInvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["UnknownJobTypeOrJobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["ConcurrencyFullOrUniqueConflictOrJobCanceled"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReusedOrJobFailedOrJobTimedOutOrJobExpired"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    runEcho: {
        parameters: {
            query?: {
                /** @description Jobs of a higher priority start first. Default: 0 */
                priority?: number;
                /** @description The most attempts, the first one included */
                attempts?: number;
                /** @description The time limit of one attempt */
                timeout_ms?: number;
                /** @description The time limit of the whole job */
                deadline_ms?: number;
                /** @description Do not start before this much time has passed */
                delay_ms?: number;
                /** @description A tag of the job */
                tag?: string;
                /** @description How many seconds to wait for the end, 50 at most. Default: `Prefer: wait`, else 25 */
                wait?: number;
            };
            header?: {
                /** @description `wait=N`: answer when the job is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
                /** @description Requests with the same key and body are stored as one job, however often they are sent */
                "idempotency-key"?: string;
                /** @description W3C Trace Context; stored with each job */
                traceparent?: string;
                /** @description Set by requests of jobs and by webhooks. More than 10: 400 `too_many_hops` */
                "drover-hops"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": unknown;
            };
        };
        responses: {
            /** @description The output of the job */
            200: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    /** @description `joined`: another job holds the key of `unique`, and this is that job. `replaced`: this job took the place of another, or a debounced job took over this submission */
                    deduplicated?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description The job was not done when the wait ended */
            202: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description `199`: the queue is paused, or no worker consumes it at the moment */
                    warning?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["TooManyHopsOrInvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["UnknownJobTypeOrJobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["ConcurrencyFullOrUniqueConflictOrJobCanceled"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReusedOrJobFailedOrJobTimedOutOrJobExpired"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    runSleep: {
        parameters: {
            query?: {
                /** @description Jobs of a higher priority start first. Default: 0 */
                priority?: number;
                /** @description The most attempts, the first one included */
                attempts?: number;
                /** @description The time limit of one attempt */
                timeout_ms?: number;
                /** @description The time limit of the whole job */
                deadline_ms?: number;
                /** @description Do not start before this much time has passed */
                delay_ms?: number;
                /** @description A tag of the job */
                tag?: string;
                /** @description How many seconds to wait for the end, 50 at most. Default: `Prefer: wait`, else 25 */
                wait?: number;
            };
            header?: {
                /** @description `wait=N`: answer when the job is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
                /** @description Requests with the same key and body are stored as one job, however often they are sent */
                "idempotency-key"?: string;
                /** @description W3C Trace Context; stored with each job */
                traceparent?: string;
                /** @description Set by requests of jobs and by webhooks. More than 10: 400 `too_many_hops` */
                "drover-hops"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SleepInput"];
            };
        };
        responses: {
            /** @description The output of the job */
            200: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    /** @description `joined`: another job holds the key of `unique`, and this is that job. `replaced`: this job took the place of another, or a debounced job took over this submission */
                    deduplicated?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SleepOutput"];
                };
            };
            /** @description The job was not done when the wait ended */
            202: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description `199`: the queue is paused, or no worker consumes it at the moment */
                    warning?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["TooManyHopsOrInvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["UnknownJobTypeOrJobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["ConcurrencyFullOrUniqueConflictOrJobCanceled"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReusedOrJobFailedOrJobTimedOutOrJobExpired"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    listFailures: {
        parameters: {
            query?: {
                type?: string;
                queue?: string;
                /** @description Whose items: another tenant's with the scope `admin` only. Default: the tenant of the key */
                tenant?: string;
                /** @description 1 to 200 */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The groups */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FailureList"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readJob: {
        parameters: {
            query?: {
                /** @description A watch token in place of an API key; also as `authorization: Bearer` */
                token?: string;
                /** @description The input whole, whatever its size */
                include?: "input";
            };
            header?: {
                /** @description `wait=N`: answer when the job is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
                /** @description The `ETag` of the state that the client has */
                "if-none-match"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job */
            200: {
                headers: {
                    /** @description With `Prefer: wait`: where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description Identifies this state of the job */
                    etag?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description With `Prefer: wait`: the job was not done when the wait ended */
            202: {
                headers: {
                    /** @description With `Prefer: wait`: where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description Identifies this state of the job */
                    etag?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description The job is as the client has it */
            304: {
                headers: {
                    /** @description With `Prefer: wait`: where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description Identifies this state of the job */
                    etag?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            410: components["responses"]["JobEvicted"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    deleteJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job is deleted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["JobNotDone"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    changeJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobChange"];
            };
        };
        responses: {
            /** @description The job as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["JobNotWaiting"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    explainJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The explanation */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Explanation"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            410: components["responses"]["JobEvicted"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    signalJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                /** @description What the handler waits for */
                name: string;
            };
            cookie?: never;
        };
        /** @description What the handler receives. Without a body it is null */
        requestBody: {
            content: {
                "application/json": unknown;
            };
        };
        responses: {
            /** @description A signal of this name came before: nothing has changed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description The signal is kept for the job, which goes on if it was waiting for it */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["JobAlreadyDoneOrTooManySignals"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    cancelJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job is canceled and will never run */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description The worker is stopping the job: it can only end canceled */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["JobAlreadyDone"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    retryJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job is queued again, with its attempts reset */
            202: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["JobNotRetryableOrUniqueConflict"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    replayJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What its next start gets, or would get */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReplayJobResult"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readJobLogs: {
        parameters: {
            query?: {
                /** @description A watch token in place of an API key; also as `authorization: Bearer` */
                token?: string;
                /** @description 1 to 200 */
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of the log */
            200: {
                headers: {
                    /** @description `rel="next"`: the next page. Absent on the last page */
                    link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogPage"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            410: components["responses"]["JobEvicted"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readJobInput: {
        parameters: {
            query?: never;
            header?: {
                /** @description `bytes=from-to`, `bytes=from-` or `bytes=-last`: one part of the input */
                range?: string;
                /** @description The `ETag` of the input that the client has a part of: a different input is sent whole */
                "if-range"?: string;
                /** @description The `ETag` of the input that the client has */
                "if-none-match"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The input */
            200: {
                headers: {
                    /** @description Identifies the input */
                    etag?: string;
                    /** @description `bytes` */
                    "accept-ranges"?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description The part of the input that `Range` asks for: bytes, which are not JSON by themselves */
            206: {
                headers: {
                    /** @description Identifies the input */
                    etag?: string;
                    /** @description `bytes` */
                    "accept-ranges"?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    /** @description `bytes from-to/size` */
                    "content-range"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description The input is as the client has it */
            304: {
                headers: {
                    /** @description Identifies the input */
                    etag?: string;
                    /** @description `bytes` */
                    "accept-ranges"?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            410: components["responses"]["JobEvicted"];
            415: components["responses"]["UnsupportedMediaType"];
            416: components["responses"]["RangeNotSatisfiable"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readJobOutput: {
        parameters: {
            query?: {
                /** @description A watch token in place of an API key; also as `authorization: Bearer` */
                token?: string;
            };
            header?: {
                /** @description `bytes=from-to`, `bytes=from-` or `bytes=-last`: one part of the output */
                range?: string;
                /** @description The `ETag` of the output that the client has a part of: a different output is sent whole */
                "if-range"?: string;
                /** @description The `ETag` of the output that the client has */
                "if-none-match"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The output */
            200: {
                headers: {
                    /** @description Identifies the output */
                    etag?: string;
                    /** @description `bytes` */
                    "accept-ranges"?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description The part of the output that `Range` asks for: bytes, which are not JSON by themselves */
            206: {
                headers: {
                    /** @description Identifies the output */
                    etag?: string;
                    /** @description `bytes` */
                    "accept-ranges"?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    /** @description `bytes from-to/size` */
                    "content-range"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description The output is as the client has it */
            304: {
                headers: {
                    /** @description Identifies the output */
                    etag?: string;
                    /** @description `bytes` */
                    "accept-ranges"?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["JobNotDoneOrJobHasNoOutput"];
            410: components["responses"]["JobEvicted"];
            415: components["responses"]["UnsupportedMediaType"];
            416: components["responses"]["RangeNotSatisfiable"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readJobValues: {
        parameters: {
            query?: {
                /** @description A watch token in place of an API key; also as `authorization: Bearer` */
                token?: string;
                /** @description Leaves out the values that the client has: `<list>-<how many>`, which is `next_cursor`, or `list` and `index` + 1 of an `output` event. Refused once another list has begun */
                after?: string;
                /** @description 1 to 1000. Not for NDJSON */
                limit?: number;
            };
            header?: {
                /** @description `application/x-ndjson`: one line for each value as it comes */
                accept?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The values that a generator has yielded, in their order: a page, whose `next_cursor` is null when the job is done and has no more; or, as NDJSON, one line for each until the job is done. The stream is broken off when the next list begins, or when the key of the request ends. Empty lines keep the connection open */
            200: {
                headers: {
                    /** @description `no-cache, no-transform` */
                    "cache-control"?: string;
                    /** @description `no`: a proxy must pass on each piece at once */
                    "x-accel-buffering"?: string;
                    /** @description `rel="next"`: the next page. Absent on the last page */
                    link?: string;
                    /** @description The number of the list of values: each start of the handler begins the next one. One that goes on from a checkpoint does so only where values are dropped */
                    "values-list"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ValuePage"];
                    "application/x-ndjson": string;
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["ValuesReset"];
            410: components["responses"]["JobEvicted"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    streamJobEvents: {
        parameters: {
            query?: {
                /** @description A watch token in place of an API key; also as `authorization: Bearer` */
                token?: string;
                /** @description Resume after the event with this id. Of this and `Last-Event-ID` the later one counts */
                after?: string;
            };
            header?: {
                /** @description Resume after the event with this id */
                "last-event-id"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events: snapshot, state, progress, output, log, gap, done; problem when the key of the request ends */
            200: {
                headers: {
                    /** @description `no-cache, no-transform` */
                    "cache-control"?: string;
                    /** @description `no`: a proxy must pass on each piece at once */
                    "x-accel-buffering"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description The client has the event `done` of the current run: there are no more. An `EventSource` stops */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            410: components["responses"]["JobEvicted"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    listFlows: {
        parameters: {
            query?: {
                state?: components["schemas"]["State"];
                tag?: string;
                /** @description Only what was created after this time */
                created_after?: string;
                /** @description Only what was created before this time */
                created_before?: string;
                /** @description Whose items: another tenant's with the scope `admin` only. Default: the tenant of the key */
                tenant?: string;
                /** @description 1 to 200 */
                limit?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page. The trees are left out */
            200: {
                headers: {
                    /** @description `rel="next"`: the next page. Absent on the last page */
                    link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FlowPage"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    submitFlow: {
        parameters: {
            query?: {
                /** @description `none` omits the tree, which is long for a large flow */
                tree?: components["schemas"]["TreeDetail"];
            };
            header?: {
                /** @description `wait=N`: answer when the flow is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
                /** @description Requests with the same key and body are stored as one flow, however often they are sent */
                "idempotency-key"?: string;
                /** @description W3C Trace Context; stored with each job */
                traceparent?: string;
                /** @description Set by requests of jobs and by webhooks. More than 10: 400 `too_many_hops` */
                "drover-hops"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "flow": {
                 *         "chain": [
                 *           {
                 *             "gather": [
                 *               {
                 *                 "type": "count-primes",
                 *                 "input": {
                 *                   "limit": 100
                 *                 }
                 *               },
                 *               {
                 *                 "type": "count-primes",
                 *                 "input": {
                 *                   "limit": 1000
                 *                 }
                 *               }
                 *             ]
                 *           },
                 *           {
                 *             "type": "count-primes",
                 *             "input": {
                 *               "limit": {
                 *                 "$output": "/1/largest"
                 *               }
                 *             }
                 *           }
                 *         ]
                 *       },
                 *       "tags": [
                 *         "nightly"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["FlowSubmission"];
            };
        };
        responses: {
            /** @description With `Prefer: wait`: the finished flow */
            200: {
                headers: {
                    /** @description Where the flow can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its flow */
                    "idempotent-replayed"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Flow"];
                };
            };
            /** @description The flow was accepted, all its jobs are stored */
            202: {
                headers: {
                    /** @description Where the flow can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its flow */
                    "idempotent-replayed"?: string;
                    /** @description `199`: the queue is paused, or no worker consumes it at the moment */
                    warning?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Flow"];
                };
            };
            400: components["responses"]["TooManyHopsOrInvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["UnknownJobTypeOrFlowNotFound"];
            408: components["responses"]["RequestTimeout"];
            410: components["responses"]["FlowEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReused"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    readFlow: {
        parameters: {
            query?: {
                /** @description A watch token in place of an API key; also as `authorization: Bearer` */
                token?: string;
                /** @description `none` omits the tree, which is long for a large flow */
                tree?: components["schemas"]["TreeDetail"];
            };
            header?: {
                /** @description `wait=N`: answer when the flow is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
                /** @description The `ETag` of the state that the client has */
                "if-none-match"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The flow */
            200: {
                headers: {
                    /** @description With `Prefer: wait`: where the flow can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description Identifies this state of the flow */
                    etag?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Flow"];
                };
            };
            /** @description With `Prefer: wait`: the flow was not done when the wait ended */
            202: {
                headers: {
                    /** @description With `Prefer: wait`: where the flow can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description Identifies this state of the flow */
                    etag?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Flow"];
                };
            };
            /** @description The flow is as the client has it */
            304: {
                headers: {
                    /** @description With `Prefer: wait`: where the flow can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description Identifies this state of the flow */
                    etag?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["FlowNotFound"];
            408: components["responses"]["RequestTimeout"];
            410: components["responses"]["FlowEvicted"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    deleteFlow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The flow and its jobs are deleted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["FlowNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["FlowNotDone"];
            410: components["responses"]["FlowEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readFlowResults: {
        parameters: {
            query?: {
                /** @description A watch token in place of an API key; also as `authorization: Bearer` */
                token?: string;
                /** @description 1 to 200 */
                limit?: number;
                cursor?: string;
                /** @description NDJSON only: leaves out so many lines, which the client has. `<run>-<lines>` is refused once the flow was retried */
                after?: string;
            };
            header?: {
                /** @description `application/x-ndjson`: one line for each member as it ends */
                accept?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The members of the outermost gather or map, or the steps of the outermost chain: a page in their order; or, as NDJSON, one line for each in the order in which they end, until all have ended, or a problem as the last line when the key of the request ends */
            200: {
                headers: {
                    /** @description `no-cache, no-transform` */
                    "cache-control"?: string;
                    /** @description `no`: a proxy must pass on each piece at once */
                    "x-accel-buffering"?: string;
                    /** @description `rel="next"`: the next page. Absent on the last page */
                    link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FlowMemberPage"];
                    "application/x-ndjson": string;
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["FlowNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["ResultsReset"];
            410: components["responses"]["FlowEvicted"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    streamFlowEvents: {
        parameters: {
            query?: {
                /** @description A watch token in place of an API key; also as `authorization: Bearer` */
                token?: string;
                /** @description `none` omits the tree, which is long for a large flow */
                tree?: components["schemas"]["TreeDetail"];
                /** @description Resume after the event with this id. Of this and `Last-Event-ID` the later one counts */
                after?: string;
            };
            header?: {
                /** @description Resume after the event with this id */
                "last-event-id"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events: snapshot, member, done; problem when the key of the request ends */
            200: {
                headers: {
                    /** @description `no-cache, no-transform` */
                    "cache-control"?: string;
                    /** @description `no`: a proxy must pass on each piece at once */
                    "x-accel-buffering"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description The client has the event `done` of the current run: there are no more. An `EventSource` stops */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["FlowNotFound"];
            408: components["responses"]["RequestTimeout"];
            410: components["responses"]["FlowEvicted"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    cancelFlow: {
        parameters: {
            query?: {
                /** @description `none` omits the tree, which is long for a large flow */
                tree?: components["schemas"]["TreeDetail"];
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The flow is canceled */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Flow"];
                };
            };
            /** @description No job of the flow will start any more, and running jobs are being stopped */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Flow"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["FlowNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["FlowAlreadyDone"];
            410: components["responses"]["FlowEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    retryFlow: {
        parameters: {
            query?: {
                /** @description `none` omits the tree, which is long for a large flow */
                tree?: components["schemas"]["TreeDetail"];
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RetryFlowBody"];
            };
        };
        responses: {
            /** @description The flow continues with the jobs that did not succeed */
            202: {
                headers: {
                    /** @description Where the flow can be read */
                    location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Flow"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["FlowNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["FlowNotRetryable"];
            410: components["responses"]["FlowEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    createJobToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            /** @description The token */
            201: {
                headers: {
                    /** @description `no-store` */
                    "cache-control"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WatchToken"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["TokensNotConfigured"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    createFlowToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            /** @description The token */
            201: {
                headers: {
                    /** @description `no-store` */
                    "cache-control"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WatchToken"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["FlowNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["TokensNotConfigured"];
            410: components["responses"]["FlowEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    listOperations: {
        parameters: {
            query?: {
                /** @description Whose items: another tenant's with the scope `admin` only. Default: the tenant of the key */
                tenant?: string;
                /** @description 1 to 200 */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The operations */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OperationList"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    submitOperation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewOperation"];
            };
        };
        responses: {
            /** @description The operation was accepted */
            202: {
                headers: {
                    /** @description Where the operation can be read */
                    location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Operation"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["TooManyOperations"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readOperation: {
        parameters: {
            query?: never;
            header?: {
                /** @description `wait=N`: answer when the operation is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The operation */
            200: {
                headers: {
                    /** @description Where the operation can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Operation"];
                };
            };
            /** @description With `Prefer: wait`: it has not ended yet */
            202: {
                headers: {
                    /** @description Where the operation can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Operation"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["OperationNotFound"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    cancelOperation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The operation stops */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Operation"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["OperationNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["OperationAlreadyDone"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    streamOperationEvents: {
        parameters: {
            query?: {
                /** @description Resume after the event with this id. Of this and `Last-Event-ID` the later one counts */
                after?: string;
            };
            header?: {
                /** @description Resume after the event with this id */
                "last-event-id"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events: snapshot, progress, done, each with the operation; problem when the key of the request ends */
            200: {
                headers: {
                    /** @description `no-cache, no-transform` */
                    "cache-control"?: string;
                    /** @description `no`: a proxy must pass on each piece at once */
                    "x-accel-buffering"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description The client has the event `done` of the current run: there are no more. An `EventSource` stops */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["OperationNotFound"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readSchedule: {
        parameters: {
            query?: {
                /** @description Whose items: another tenant's with the scope `admin` only. Default: the tenant of the key */
                tenant?: string;
            };
            header?: {
                /** @description The `ETag` of the schedule that the client has */
                "if-none-match"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The schedule */
            200: {
                headers: {
                    /** @description Identifies this state of the schedule, for `If-Match` and `If-None-Match` */
                    etag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Schedule"];
                };
            };
            /** @description The schedule is as the client has it */
            304: {
                headers: {
                    /** @description Identifies this state of the schedule, for `If-Match` and `If-None-Match` */
                    etag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["ScheduleNotFound"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    putSchedule: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` of the schedule to replace: one that was replaced or deleted since is left as it is */
                "if-match"?: string;
                /** @description `*`: create the schedule, and replace none */
                "if-none-match"?: string;
                /** @description W3C Trace Context; stored with each job of the schedule */
                traceparent?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ScheduleBody"];
            };
        };
        responses: {
            /** @description The schedule was replaced */
            200: {
                headers: {
                    /** @description Where the schedule can be read */
                    location?: string;
                    /** @description Identifies this state of the schedule, for `If-Match` and `If-None-Match`; absent where another request has replaced it already */
                    etag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Schedule"];
                };
            };
            /** @description The schedule was created */
            201: {
                headers: {
                    /** @description Where the schedule can be read */
                    location?: string;
                    /** @description Identifies this state of the schedule, for `If-Match` and `If-None-Match`; absent where another request has replaced it already */
                    etag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Schedule"];
                };
            };
            400: components["responses"]["TooManyHopsOrInvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["UnknownJobType"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["ScheduleContendedOrTooManySchedules"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    deleteSchedule: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` of the schedule to delete: one that was replaced since is kept */
                "if-match"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The schedule is deleted. Its jobs stay */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["ScheduleNotFound"];
            408: components["responses"]["RequestTimeout"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    changeSchedule: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` of the schedule to change: one that was replaced or deleted since is left as it is */
                "if-match"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "paused": true
                 *     }
                 */
                "application/json": components["schemas"]["ScheduleChange"];
            };
        };
        responses: {
            /** @description The schedule as it is now */
            200: {
                headers: {
                    /** @description Identifies this state of the schedule, for `If-Match` and `If-None-Match`; absent where another request has replaced it already */
                    etag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Schedule"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["ScheduleNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["ScheduleContended"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    listSchedules: {
        parameters: {
            query?: {
                /** @description Whose items: another tenant's with the scope `admin` only. Default: the tenant of the key */
                tenant?: string;
                /** @description 1 to 200 */
                limit?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    /** @description `rel="next"`: the next page. Absent on the last page */
                    link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SchedulePage"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readScheduleInput: {
        parameters: {
            query?: {
                /** @description Whose items: another tenant's with the scope `admin` only. Default: the tenant of the key */
                tenant?: string;
            };
            header?: {
                /** @description `bytes=from-to`, `bytes=from-` or `bytes=-last`: one part of the input */
                range?: string;
                /** @description The `ETag` of the input that the client has a part of: a different input is sent whole */
                "if-range"?: string;
                /** @description The `ETag` of the input that the client has */
                "if-none-match"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The input */
            200: {
                headers: {
                    /** @description Identifies the input */
                    etag?: string;
                    /** @description `bytes` */
                    "accept-ranges"?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description The part of the input that `Range` asks for: bytes, which are not JSON by themselves */
            206: {
                headers: {
                    /** @description Identifies the input */
                    etag?: string;
                    /** @description `bytes` */
                    "accept-ranges"?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    /** @description `bytes from-to/size` */
                    "content-range"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description The input is as the client has it */
            304: {
                headers: {
                    /** @description Identifies the input */
                    etag?: string;
                    /** @description `bytes` */
                    "accept-ranges"?: string;
                    /** @description `no-cache`: reuse it after a request with `If-None-Match` only */
                    "cache-control"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["ScheduleNotFound"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            416: components["responses"]["RangeNotSatisfiable"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    runSchedule: {
        parameters: {
            query?: never;
            header?: {
                /** @description `wait=N`: answer when the job is done, after N seconds at the latest. N is capped at 50 */
                prefer?: string;
                /** @description Requests with the same key and body are stored as one job, however often they are sent */
                "idempotency-key"?: string;
                /** @description W3C Trace Context; stored with each job */
                traceparent?: string;
                /** @description Set by requests of jobs and by webhooks. More than 10: 400 `too_many_hops` */
                "drover-hops"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description With `Prefer: wait`: the finished job */
            200: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone */
                    "server-timing"?: string;
                    /** @description `joined`: another job holds the key of `unique`, and this is that job. `replaced`: this job took the place of another, or a debounced job took over this submission */
                    deduplicated?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description The job was accepted */
            202: {
                headers: {
                    /** @description Where the job can be read */
                    location?: string;
                    /** @description `wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds */
                    "preference-applied"?: string;
                    /** @description `true`: the key was used before, and this is its job */
                    "idempotent-replayed"?: string;
                    /** @description `199`: the queue is paused, or no worker consumes it at the moment */
                    warning?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["ScheduleNotFoundOrJobNotFound"];
            408: components["responses"]["RequestTimeout"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReused"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    listDeliveries: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The deliveries of the latest 20 runs, newest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryList"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFound"];
            408: components["responses"]["RequestTimeout"];
            410: components["responses"]["JobEvicted"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    listFlowDeliveries: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The deliveries of the latest 20 runs, newest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryList"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["FlowNotFound"];
            408: components["responses"]["RequestTimeout"];
            410: components["responses"]["FlowEvicted"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    listAllDeliveries: {
        parameters: {
            query?: {
                state?: components["schemas"]["State"];
                /** @description Only what was created after this time */
                created_after?: string;
                /** @description Only what was created before this time */
                created_before?: string;
                /** @description Whose items: another tenant's with the scope `admin` only. Default: the tenant of the key */
                tenant?: string;
                /** @description 1 to 200 */
                limit?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    /** @description `rel="next"`: the next page. Absent on the last page */
                    link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListedDeliveryPage"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    resendDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                delivery_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The webhook is sent again, with the same `webhook-id` and body, up to 8 times. `attempts` keeps those before */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Delivery"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["JobNotFoundOrDeliveryNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["DeliveryNotDoneOrTooManyResends"];
            410: components["responses"]["JobEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    resendFlowDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                delivery_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The webhook is sent again, with the same `webhook-id` and body, up to 8 times. `attempts` keeps those before */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Delivery"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["FlowNotFoundOrDeliveryNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["DeliveryNotDoneOrTooManyResends"];
            410: components["responses"]["FlowEvicted"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueFullOrRedisFullOrQueueUnavailable"];
        };
    };
    listJobTypes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All job types */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobTypeList"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
        };
    };
    readJobType: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                type: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job type */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobType"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["UnknownJobType"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
        };
    };
    readLimit: {
        parameters: {
            query?: {
                /** @description Whose key it is. Default: the tenant of the caller's API key */
                tenant?: string;
            };
            header?: never;
            path: {
                name: string;
                /** @description `tenant`, `type`: how many jobs of a tenant, or of a job type over all tenants, may run at once; its key is the name of the tenant or of the type */
                kind: components["schemas"]["LimitKind"];
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The limit */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Limit"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["QueueNotFoundOrLimitNotFound"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    setLimit: {
        parameters: {
            query?: {
                /** @description Whose key it is. Default: the tenant of the caller's API key */
                tenant?: string;
            };
            header?: never;
            path: {
                name: string;
                /** @description `tenant`, `type`: how many jobs of a tenant, or of a job type over all tenants, may run at once; its key is the name of the tenant or of the type */
                kind: components["schemas"]["LimitKind"];
                key: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LimitBody"];
            };
        };
        responses: {
            /** @description The limit */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Limit"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["QueueNotFoundOrLimitNotFound"];
            408: components["responses"]["RequestTimeout"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    removeLimit: {
        parameters: {
            query?: {
                /** @description Whose key it is. Default: the tenant of the caller's API key */
                tenant?: string;
            };
            header?: never;
            path: {
                name: string;
                /** @description `tenant`, `type`: how many jobs of a tenant, or of a job type over all tenants, may run at once; its key is the name of the tenant or of the type */
                kind: components["schemas"]["LimitKind"];
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description There is no such limit any more */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["QueueNotFound"];
            408: components["responses"]["RequestTimeout"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    listQueues: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All queues */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QueueList"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readQueue: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The queue */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Queue"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["QueueNotFound"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    limitQueue: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["QueueLimits"];
            };
        };
        responses: {
            /** @description The queue */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Queue"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["QueueNotFound"];
            408: components["responses"]["RequestTimeout"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    pauseQueue: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The queue */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Queue"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["QueueNotFound"];
            408: components["responses"]["RequestTimeout"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    resumeQueue: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The queue */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Queue"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["QueueNotFound"];
            408: components["responses"]["RequestTimeout"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readStats: {
        parameters: {
            query?: {
                /** @description From the minute of this time on. Default: an hour before `to` */
                from?: string;
                /** @description Until this time. Default: now. A day is kept */
                to?: string;
                /** @description The length of a step in ms; rounded up to whole minutes */
                step?: number;
                /** @description Only what happened in this queue */
                queue?: string;
                /** @description Only jobs of this type */
                type?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The counts */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Stats"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    listWorkers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All workers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerList"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    drainWorker: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The worker was asked */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Worker"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            404: components["responses"]["WorkerNotFound"];
            408: components["responses"]["RequestTimeout"];
            413: components["responses"]["PayloadTooLargeOrTooManyMembers"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readSystem: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The installation */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Installation"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    readAudit: {
        parameters: {
            query?: {
                tenant?: string;
                /** @description Only what was done with the key of this id */
                key?: string;
                /** @description Only this operation of the API, such as `cancelJob` */
                action?: string;
                /** @description Only what was done to this job, flow, schedule, queue or worker */
                target?: string;
                /** @description 1 to 200 */
                limit?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    /** @description `rel="next"`: the next page. Absent on the last page */
                    link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditEntryPage"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailable"];
        };
    };
    livez: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process answers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The API accepts jobs */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["QueueUnavailableOrDraining"];
        };
    };
    readKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The key */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Key"];
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Metrics in the text format of Prometheus */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            400: components["responses"]["InvalidRequest"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["ForbiddenOrHostNotAllowedOrCrossSiteRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["AuthenticationThrottledOrQuotaExceeded"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
        };
    };
    readEntrance: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Links */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Entrance"];
                };
            };
            /** @description For browsers: the dashboard */
            303: {
                headers: {
                    /** @description `/dashboard` */
                    location?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["InvalidRequest"];
            408: components["responses"]["RequestTimeout"];
            415: components["responses"]["UnsupportedMediaType"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
        };
    };
    jobEnded: {
        parameters: {
            query?: never;
            header: {
                /** @description Identifies the delivery: the same in each attempt */
                "webhook-id": string;
                /** @description When it was signed, in seconds since 1970 */
                "webhook-timestamp": string;
                /** @description Signatures of id, timestamp and body (Standard Webhooks) */
                "webhook-signature": string;
                /** @description How many jobs and webhooks led to it: send it on with a submission */
                "drover-hops": string;
                /** @description Continues the trace of the submission */
                traceparent?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {string} */
                    type: "job.succeeded" | "job.failed" | "job.canceled" | "job.expired";
                    /**
                     * Format: date-time
                     * @description RFC 3339, UTC, with milliseconds
                     */
                    timestamp: string;
                    data: {
                        id: string;
                        type: string;
                        queue: string;
                        state: components["schemas"]["State"];
                        /** @description Starts at 1 and increases with each `POST …/retry` */
                        run: number;
                        /** @description The current or latest attempt of this run. 0 before the first one */
                        attempt: number;
                        /** @description What the job returned. Also null when `output_bytes` is a number */
                        output: unknown;
                        /** @description The size in bytes of JSON of an output that is too large for this field, in lists and events above 16,384 bytes: read it at `links.output` */
                        output_bytes: number | null;
                        error: components["schemas"]["JobError"] | null;
                        tags: string[];
                        metadata: {
                            [key: string]: string;
                        };
                        /**
                         * Format: date-time
                         * @description RFC 3339, UTC, with milliseconds
                         */
                        created_at: string;
                        /**
                         * Format: date-time
                         * @description RFC 3339, UTC, with milliseconds
                         */
                        started_at: string | null;
                        /**
                         * Format: date-time
                         * @description RFC 3339, UTC, with milliseconds
                         */
                        finished_at: string | null;
                        links: {
                            self: string;
                            output: string;
                            deliveries: string;
                        };
                    };
                };
            };
        };
        responses: {
            /** @description Received. Any 2xx counts. 410 ends the delivery, anything else is retried */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    flowEnded: {
        parameters: {
            query?: never;
            header: {
                /** @description Identifies the delivery: the same in each attempt */
                "webhook-id": string;
                /** @description When it was signed, in seconds since 1970 */
                "webhook-timestamp": string;
                /** @description Signatures of id, timestamp and body (Standard Webhooks) */
                "webhook-signature": string;
                /** @description How many jobs and webhooks led to it: send it on with a submission */
                "drover-hops": string;
                /** @description Continues the trace of the submission */
                traceparent?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {string} */
                    type: "flow.succeeded" | "flow.failed" | "flow.canceled" | "flow.expired";
                    /**
                     * Format: date-time
                     * @description RFC 3339, UTC, with milliseconds
                     */
                    timestamp: string;
                    data: {
                        id: string;
                        state: components["schemas"]["State"];
                        /** @description True in the four final states: succeeded, failed, canceled, expired */
                        done: boolean;
                        error: components["schemas"]["FlowError"] | null;
                        /** @description Starts at 1 and increases with each `POST …/retry` */
                        run: number;
                        /** @description The number of jobs. Increases when a map expands */
                        jobs: number;
                        /** @description Number of jobs by state */
                        counts: components["schemas"]["CountsByState"];
                        tags: string[];
                        metadata: {
                            [key: string]: string;
                        };
                        /**
                         * Format: date-time
                         * @description RFC 3339, UTC, with milliseconds
                         */
                        created_at: string;
                        /**
                         * Format: date-time
                         * @description RFC 3339, UTC, with milliseconds
                         */
                        finished_at: string | null;
                        /**
                         * Format: date-time
                         * @description RFC 3339, UTC, with milliseconds
                         */
                        cancel_requested_at: string | null;
                        /**
                         * Format: date-time
                         * @description RFC 3339, UTC, with milliseconds
                         */
                        deadline_at: string | null;
                        links: components["schemas"]["FlowLinks"];
                    };
                };
            };
        };
        responses: {
            /** @description Received. Any 2xx counts. 410 ends the delivery, anything else is retried */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
