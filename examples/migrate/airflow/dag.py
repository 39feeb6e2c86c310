"""A DAG of Airflow, as it is before it is moved."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.timetables.interval import CronDataIntervalTimetable

from programs.sales import total

with DAG(
    "daily-sales",
    schedule=CronDataIntervalTimetable("0 2 * * *", timezone="Asia/Seoul"),
    start_date=datetime(2024, 11, 1, 2, tzinfo=ZoneInfo("Asia/Seoul")),
    catchup=True,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=2)},
):
    extract = BashOperator(
        task_id="extract",
        cwd="/srv/sales",
        bash_command="bash programs/extract.sh {{ data_interval_start | ts }} {{ data_interval_end | ts }}",
    )
    totals = PythonOperator(
        task_id="total",
        python_callable=total,
        op_args=["{{ data_interval_start | ts }}", "{{ data_interval_end | ts }}"],
    )
    report = BashOperator(task_id="report", cwd="/srv/sales", bash_command="cat out/*.json > report.ndjson")
    extract >> totals >> report
