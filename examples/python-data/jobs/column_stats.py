import statistics

from drover_job import job, run


@job("column-stats")
def column_stats(input, job):
    described = {}
    columns = input["columns"]
    for number, (name, values) in enumerate(columns.items(), 1):
        # Ends the job where a client has canceled it.
        job.raise_if_cancelled()
        described[name] = {
            "mean": statistics.fmean(values),
            "median": statistics.median(values),
            "stdev": statistics.stdev(values),
        }
        yield {"column": name, **described[name]}
        job.progress(number / len(columns), name)
    return {"columns": described}


run()
